import { z } from 'zod'
import { Id, pageOf, procedure, ShortListQuery, Time } from './base'

const Protocol = z.enum(['rest', 'websocket'])

export const Endpoint = z.object({
  id: Id,
  name: z.string(),
  protocol: Protocol,
  url: z.string().nullable(),
  enabled: z.boolean(),
  error: z.string().nullable(),
})
export type Endpoint = z.infer<typeof Endpoint>

export const ClientSession = z.object({
  id: Id,
  principal: Id,
  principalName: z.string(),
  endpoint: Protocol,
  connectedAt: Time,
  lastSeenAt: Time,
  requests: z.number(),
})
export type ClientSession = z.infer<typeof ClientSession>

export const networkContract = {
  endpoints: {
    list: procedure('endpoint.read', {
      method: 'GET',
      path: '/endpoints',
      summary: 'Protocols, their addresses, on or off',
      tags: ['network'],
    })
      .input(ShortListQuery)
      .output(pageOf(Endpoint)),
    update: procedure('endpoint.manage', {
      method: 'PATCH',
      path: '/endpoints/{id}',
      summary: 'Switch a protocol on or off',
      tags: ['network'],
    })
      .input(z.object({ id: Id, enabled: z.boolean() }).strict())
      .output(Endpoint),
  },
  sessions: procedure('endpoint.read', {
    method: 'GET',
    path: '/sessions',
    summary: 'Who is connected',
    tags: ['network'],
  })
    .input(ShortListQuery)
    .output(pageOf(ClientSession)),
}
