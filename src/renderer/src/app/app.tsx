import { MantineProvider } from '@mantine/core'
import { ModalsProvider } from '@mantine/modals'
import { Notifications } from '@mantine/notifications'
import { useEffect, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { connect, useConnection } from '../lib/client'
import { startStores } from '../lib/stores'
import { Shell } from './shell/shell'
import { SignIn } from './sign-in'
import { cssVariables, themeIn } from './theme'

/** The whole window: providers, then the sign-in page or the shell. */
export function App() {
  const { t } = useTranslation('common')
  const close = t('close')
  const theme = useMemo(() => themeIn({ close }), [close])
  const signInNeeded = useConnection((state) => state.status === 'sign-in')
  useEffect(() => {
    void connect()
    return startStores()
  }, [])
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      {signInNeeded ? (
        <SignIn />
      ) : (
        <ModalsProvider>
          <Notifications position="bottom-right" layout="stacked" limit={50} containerWidth={360} />
          <Shell />
        </ModalsProvider>
      )}
    </MantineProvider>
  )
}
