import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, normalize, parse } from 'node:path'
import { z } from 'zod'
import { type Finding, ModelFormat } from '../../../shared/contract'
import type { FindingCode } from '../../../shared/findings'
import { holds, realPath } from '../../platform/folders'

export const MANIFEST = 'runtime.json'

const MIB = 2 ** 20
/** Whoever sees a socket can connect to it, whether it may only read or not. */
const SYSTEM = ['/run', '/var/run', '/dev', '/proc', '/sys']
/** Printed as it is, in one line. */
const Words = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    // Also what turns the direction of writing around.
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'has characters that are not to be seen')

/** `runtime.json`: what a third party says of its runtime. `docs/plugins.md` describes it. */
export const Manifest = z.strictObject({
  manifest: z.literal(1),
  id: z.string().regex(/^[a-z][a-z0-9-]{1,39}$/, 'wants 2 to 40 of a-z, 0-9 and -, with a letter first'),
  name: Words(60),
  version: Words(40),
  /** Of `docs/worker-protocol.md`. */
  protocol: z.literal(1),
  formats: z.array(ModelFormat).min(1).max(12),
  /** What the entry is run by: this program's Node, a Python of this machine, or nothing: it is a program itself. */
  interpreter: z.enum(['node', 'python', 'none']),
  /** The worker, within the folder. */
  entry: z
    .string()
    .min(1)
    .max(300)
    .refine(isWithin, 'wants a path within the folder, with / and without . or ..'),
  options: z.string().max(1000).default(''),
  /** `wanted`: it also runs where there is no sandbox. `required`: only in one. */
  sandbox: z.enum(['wanted', 'required']).default('wanted'),
  reads: z
    .array(z.string().min(2).max(1000).refine(isPlainPath, 'wants absolute paths without . or ..'))
    .max(16)
    .default([]),
  /** What a worker takes: by itself, and for each byte of the model's files. */
  memory: z
    .strictObject({
      baseBytes: z
        .number()
        .int()
        .min(0)
        .max(2 ** 40),
      perModelByte: z.number().min(0).max(100),
    })
    .default({ baseBytes: 100 * MIB, perModelByte: 2 }),
})
export type Manifest = z.infer<typeof Manifest>

/** What is not to be taken by a plugin. */
export interface Reserved {
  ids: ReadonlySet<string>
  formats: ReadonlySet<ModelFormat>
  dataDir: string
}

/** The manifest, or what is wrong with it, each as a sentence. */
export function readManifest(text: string): Manifest | Finding[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return [refusal('plugin.manifest', 'It is no JSON.')]
  }
  const parsed = Manifest.safeParse(value)
  if (parsed.success) return parsed.data
  return parsed.error.issues
    .slice(0, 20)
    .map(({ path, message }) =>
      refusal(
        'plugin.manifest',
        path.length === 0 ? `${message}.` : `"${path.map(String).join('.')}": ${message}.`,
      ),
    )
}

/** What speaks against a manifest that can be read, and what a person should know of it. */
export function judge(
  manifest: Manifest,
  folder: string,
  files: ReadonlySet<string>,
  reserved: Reserved,
): Finding[] {
  const findings: Finding[] = []
  const { id, formats, entry, reads } = manifest
  if (id !== folder)
    findings.push(
      refusal('plugin.id', `Its id is "${id}" and its folder "${folder}": give both the same name.`),
    )
  if (reserved.ids.has(id))
    findings.push(
      refusal('plugin.taken', `The id "${id}" is that of a runtime of LLMAgentOS: choose another.`),
    )
  for (const format of formats) {
    if (format === 'pickle')
      findings.push(refusal('plugin.taken', 'Pickles run any program they like, so nothing may run them.'))
    else if (reserved.formats.has(format))
      findings.push(
        refusal('plugin.taken', `LLMAgentOS runs ${format} itself: a plugin must not take it over.`),
      )
  }
  if (!files.has(entry)) findings.push(refusal('plugin.entry', `There is no file "${entry}" in its folder.`))
  return [...findings, ...reads.map((path) => judgeRead(path, reserved.dataDir))]
}

/** By where it leads now: a link may stand in the way of each of the paths, and be put there later. */
function judgeRead(path: string, dataDir: string): Finding {
  const real = realPath(path)
  const data = realPath(dataDir)
  const asked = real === path ? `It asks to read ${path}` : `It asks to read ${path} (${real})`
  if (parse(real).root === real || [realPath(homedir()), data].some((secret) => holds(real, secret)))
    return refusal('plugin.reads', `${asked}, which holds what is no business of a runtime.`)
  if (holds(data, real)) return refusal('plugin.reads', `${asked}, which lies in the data folder.`)
  const system = [...SYSTEM, ...SYSTEM.map(realPath)]
  if (system.some((folder) => holds(folder, real) || holds(real, folder)))
    return refusal('plugin.reads', `${asked}, where sockets, devices and processes of the system are.`)
  if (isNoFolder(real)) return refusal('plugin.reads', `${asked}, which is no folder.`)
  return { severity: 'warn', code: 'plugin.reads', message: `${asked}.`, file: MANIFEST }
}

/** What is not there yet, or not to be reached, is judged when it is. */
function isNoFolder(path: string): boolean {
  try {
    return !statSync(path).isDirectory()
  } catch {
    return false
  }
}

export function refusal(code: FindingCode, message: string, file = MANIFEST): Finding {
  return { severity: 'reject', code, message, file }
}

function isWithin(path: string): boolean {
  return path.split('/').every((part) => /^[^\\:\p{Cc}\p{Cf}]+$/u.test(part) && part !== '.' && part !== '..')
}

function isPlainPath(path: string): boolean {
  return isAbsolute(path) && normalize(path) === path && !/[\p{Cc}\p{Cf}]/u.test(path)
}
