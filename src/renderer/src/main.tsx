import '@fontsource-variable/inter'
import '@mantine/core/styles.css'
import '@mantine/charts/styles.css'
import '@mantine/notifications/styles.css'
import '@mantine/spotlight/styles.css'
import './app/app.css'
import { createRoot } from 'react-dom/client'
import { config } from 'zod'
import { App } from './app/app'
import { initTexts } from './app/i18n'

// The strict CSP forbids the code that zod would generate.
config({ jitless: true })

const root = document.getElementById('root')
if (root) void initTexts().then(() => createRoot(root).render(<App />))
