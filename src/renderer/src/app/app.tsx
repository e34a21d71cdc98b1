import { MantineProvider } from '@mantine/core'
import { ModalsProvider } from '@mantine/modals'
import { Notifications } from '@mantine/notifications'
import { useEffect } from 'react'
import { connect, useConnection } from '../lib/client'
import { startStores } from '../lib/stores'
import { Shell } from './shell/shell'
import { SignIn } from './sign-in'
import { cssVariables, theme } from './theme'

/** The whole window: providers, then the sign-in page or the shell. */
export function App() {
  const signInNeeded = useConnection((state) => state.status === 'sign-in')
  useEffect(() => {
    void connect()
    return startStores()
  }, [])
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <ModalsProvider>
        <Notifications position="bottom-right" bottom={40} limit={4} />
        {signInNeeded ? <SignIn /> : <Shell />}
      </ModalsProvider>
    </MantineProvider>
  )
}
