import { createORPCClient } from '@orpc/client'
import type { ContractRouterClient } from '@orpc/contract'
import { create } from 'zustand'
import type { Contract } from '../../../shared/contract'
import { OfflineError } from './errors'
import { type Link, openTransport, SignInNeeded } from './transport'

/** Every procedure of the system, typed by the contract. */
export type Client = ContractRouterClient<Contract>

export interface ConnectionState {
  /** `sign-in`: the server is there and wants to know who this is. */
  status: 'connecting' | 'connected' | 'lost' | 'sign-in'
  /** Grows by one with each connection; live views begin anew when it does. */
  epoch: number
}

/** How the connection stands. */
export const useConnection = create<ConnectionState>(() => ({ status: 'connecting', epoch: 0 }))

const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 5_000

let link: Link | null = null
let started = false
let wake: () => void = () => undefined

/** One client for the life of the window; calls go over whatever connection stands. */
const client: Client = createORPCClient({
  async call(path, input, options) {
    if (!link) throw new OfflineError('There is no connection to LLMAgentOS.')
    return link.call(path, input, options)
  },
})

export function getClient(): Client {
  return client
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}

async function keepConnected(): Promise<never> {
  let retryMs = FIRST_RETRY_MS
  for (;;) {
    try {
      const transport = await openTransport()
      link = transport.link
      retryMs = FIRST_RETRY_MS
      useConnection.setState((state) => ({ status: 'connected', epoch: state.epoch + 1 }))
      await transport.closed
      link = null
      useConnection.setState({ status: 'lost' })
    } catch (error) {
      const status =
        error instanceof SignInNeeded ? 'sign-in' : useConnection.getState().epoch > 0 ? 'lost' : 'connecting'
      useConnection.setState({ status })
    }
    await (useConnection.getState().status === 'sign-in' ? pause(2 ** 31 - 1) : pause(retryMs))
    retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2)
  }
}

/** Connects, and keeps connected from then on. Resolves with the first connection. */
export function connect(): Promise<Client> {
  if (!started) {
    started = true
    void keepConnected()
  }
  if (useConnection.getState().status === 'connected') return Promise.resolve(client)
  return new Promise((resolve) => {
    const stop = useConnection.subscribe((state) => {
      if (state.status !== 'connected') return
      stop()
      resolve(client)
    })
  })
}

/** Tries again now instead of after the pause: after a sign-in, or when a person asks. */
export function reconnectNow(): void {
  wake()
}

/** Calls `onConnect` for the present connection and each later one; its signal ends with that connection. */
export function onEachConnection(onConnect: (client: Client, signal: AbortSignal) => void): () => void {
  let current: AbortController | null = null
  const follow = (state: ConnectionState) => {
    current?.abort()
    current = null
    if (state.status !== 'connected') return
    current = new AbortController()
    onConnect(client, current.signal)
  }
  follow(useConnection.getState())
  const stop = useConnection.subscribe(follow)
  return () => {
    stop()
    current?.abort()
  }
}
