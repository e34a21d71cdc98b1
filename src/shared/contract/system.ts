import { z } from 'zod'
import { procedure, Time } from './base'

export const Health = z.object({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  uptimeMs: z.number(),
})
export type Health = z.infer<typeof Health>

export const SystemInfo = z.object({
  version: z.string(),
  hostname: z.string(),
  platform: z.string(),
  node: z.string(),
  electron: z.string().nullable(),
  dataDir: z.string(),
  apiUrl: z.string().nullable(),
  startedAt: Time,
  status: z.enum(['ok', 'degraded']),
  /** What a person should know, as sentences; empty when all is well. */
  problems: z.array(z.string()),
  /** Whether it can go on in the tray when its window is closed. */
  canStayInTray: z.boolean(),
})
export type SystemInfo = z.infer<typeof SystemInfo>

export const Settings = z
  .object({
    /** 0 lets the system choose a free port. Takes effect at the next start. */
    apiPort: z.number().int().min(0).max(65535),
    /** An engine that has been idle so long is unloaded. */
    engineIdleMs: z.number().int().min(1000).max(86_400_000),
    /** Memory that is never granted, for the rest of the machine. */
    reservedMemoryBytes: z.number().int().min(0),
    /** The Hugging Face Hub or a mirror of it. */
    hubUrl: z.url({ protocol: /^https?$/ }).max(300),
    /** The Python that runs PyTorch, as an absolute path; empty: the first one found that has it. */
    pythonPath: z
      .string()
      .max(1000)
      .refine(
        (path) => path === '' || /^(\/|[A-Za-z]:[\\/])/.test(path),
        'give an absolute path, or nothing',
      ),
    /** Single inferences of one version that wait are run in one go (dynamic batching). */
    runsTogether: z.boolean(),
    /** Closing the window leaves it running in the tray, where there is one. */
    staysInTray: z.boolean(),
  })
  .strict()
export type Settings = z.infer<typeof Settings>

export const systemContract = {
  health: procedure(null, {
    method: 'GET',
    path: '/health',
    summary: 'Is the system up; open to all',
    tags: ['system'],
  }).output(Health),
  info: procedure('settings.read', {
    method: 'GET',
    path: '/system',
    summary: 'Version, data folder, address of the API',
    tags: ['system'],
  }).output(SystemInfo),
  settings: {
    get: procedure('settings.read', {
      method: 'GET',
      path: '/settings',
      summary: 'Settings',
      tags: ['system'],
    }).output(Settings),
    update: procedure('settings.manage', {
      method: 'PATCH',
      path: '/settings',
      summary: 'Change settings',
      tags: ['system'],
    })
      .input(Settings.partial())
      .output(Settings),
  },
}
