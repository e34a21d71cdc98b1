import { userInfo } from 'node:os'

/** Who has started the program. In a container that may be an id without a name. */
export function ownerName(env: NodeJS.ProcessEnv = process.env): string {
  try {
    return userInfo().username
  } catch {
    return env['USER'] || 'owner'
  }
}
