import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { digitsAsImages, digitsAsNpy } from './digits'
import { readingsAsCsv } from './readings'
import { type Answer, fixtures, type Serve, sileroInputs } from './serve'

/** A machine in use: models with versions and aliases, data sets, apps with policies, jobs that ended in every way, denials. */
export async function fillMachine(api: Serve): Promise<void> {
  const silero = join(fixtures, 'silero_vad_v5.onnx')
  await api.import(silero)
  await api.import(join(fixtures, 'mnist_cnn.onnx'))
  await api.import(join(fixtures, 'basic-pitch'))
  const folder = await mkdtemp(join(tmpdir(), 'data-'))
  await api.import(await changedCopy(silero, folder))
  await api.import(await file(join(folder, 'scan-of-invoice.onnx'), '89504e470d0a1a0a0000000d49484452'))
  await api.import(await readingsAsCsv(folder, 5_000))
  await api.import(await digitsAsNpy(folder))
  await api.import(await digitsAsImages(folder))
  await rm(folder, { recursive: true })
  await cp(
    join(import.meta.dirname, '..', '..', 'docs', 'plugins', 'tiny-tflite'),
    join(api.dataDir, 'plugins', 'tiny-tflite'),
    { recursive: true },
  )
  for (const version of [1, 2, 1])
    await must(api, 'PUT', '/models/silero-vad/aliases/production', { version })
  await must(api, 'PUT', '/models/silero-vad/aliases/canary', { version: 2 })
  await must(api, 'POST', '/devices', {
    kind: 'fpga',
    name: 'Alveo U50',
    vendor: 'AMD',
    capacity: { fpga: 1 },
  })

  const notes = await app(api, 'Notes App')
  await must(api, 'PUT', '/policies/notes-app-may-run-silero', {
    description: 'Notes App may run silero-vad@production',
    text: `permit(principal == App::"${notes.id}", action == Action::"model.run", resource == ModelRef::"silero-vad@production");`,
  })
  await app(api, 'Research agent')
  const asNotes = (job: object) => api.call('POST', '/jobs', job, notes.key)
  await asNotes({
    kind: 'infer',
    name: 'Is somebody speaking?',
    model: 'silero-vad@production',
    inputs: sileroInputs(),
  })
  await asNotes({ kind: 'infer', model: 'mnist-cnn@1', inputs: {} })

  const jobs = [
    { kind: 'infer', name: 'One second of sound', model: 'silero-vad@production', inputs: sileroInputs() },
    {
      kind: 'batch',
      name: 'Meeting of Tuesday',
      model: 'silero-vad@1',
      items: Array.from({ length: 200 }, sileroInputs),
    },
    { kind: 'benchmark', model: 'silero-vad@1', inputs: sileroInputs(), iterations: 100 },
    { kind: 'benchmark', model: 'silero-vad@2', inputs: sileroInputs(), iterations: 100 },
    { kind: 'benchmark', model: 'mnist-cnn@1', iterations: 200 },
    { kind: 'synthetic', name: 'Reads a broken disk', durationMs: 50, fail: 'error' },
    { kind: 'synthetic', name: 'Runs out of time', durationMs: 50, fail: 'hang', timeoutMs: 500 },
  ]
  await must(api, 'POST', '/pipelines', {
    name: 'Evaluate the digits',
    jobs: [
      { key: 'prepare', kind: 'synthetic', durationMs: 20 },
      { key: 'fast', kind: 'benchmark', model: 'mnist-cnn@1', iterations: 50, dependsOn: ['prepare'] },
      { key: 'thorough', kind: 'benchmark', model: 'mnist-cnn@1', iterations: 500, dependsOn: ['prepare'] },
      { key: 'compare', kind: 'synthetic', durationMs: 20, dependsOn: ['fast', 'thorough'] },
      { key: 'alert', kind: 'synthetic', durationMs: 20, dependsOn: ['compare'], runWhen: 'failed' },
    ],
  })
  for (const job of jobs) await runToEnd(api, job)
  const read = {
    kind: 'batch',
    name: 'Read the digits',
    model: 'mnist-cnn@1',
    dataset: 'digits@1',
    batchSize: 25,
  }
  const kept = await must(api, 'POST', `/jobs/${await runToEnd(api, read)}/dataset`, { name: 'digit-scores' })
  await api.until(`/imports/${kept.id}`, ({ state }) => state !== 'running')
}

/** What the window shows as under way, for longer than a file of tests takes: one job that runs, some that wait for it, one that is held. */
export async function fillQueue(api: Serve): Promise<void> {
  const { cpuCores } = (await api.call('GET', '/resources')).body.capacity
  const load = (name: string, more: object) =>
    must(api, 'POST', '/jobs', { kind: 'synthetic', name, durationMs: 7_200_000, ...more })
  await load('Index the photo library', { need: { cpuCores, memoryBytes: 400_000_000 }, priority: 70 })
  for (const [name, priority] of [
    ['Transcribe the interview', 60],
    ['Nightly evaluation', 30],
  ] as const) {
    await load(name, { need: { cpuCores: 1 }, priority })
  }
  await load('Wait for the licence', { hold: true })
}

async function runToEnd(api: Serve, job: object): Promise<string> {
  const { id } = await must(api, 'POST', '/jobs', job)
  await api.until(`/jobs/${id}`, ({ state }) => state !== 'queued' && state !== 'running', 60_000)
  return id
}

async function must(api: Serve, method: string, path: string, body: object): Promise<Answer['body']> {
  const answer = await api.call(method, path, body)
  if (answer.status >= 400) throw new Error(`${method} ${path} was refused: ${JSON.stringify(answer.body)}`)
  return answer.body
}

async function app(api: Serve, name: string): Promise<{ id: string; key: string }> {
  const { id } = await must(api, 'POST', '/principals', { kind: 'app', name, roles: ['app'] })
  return { id, key: (await must(api, 'POST', `/principals/${id}/keys`, {})).key }
}

/** A field of metadata more: another model to the digest, the same to a runtime. */
export async function changedCopy(model: string, folder: string): Promise<string> {
  const changed = join(folder, basename(model))
  const more = Buffer.from([0x72, 0x06, 0x0a, 0x01, 0x61, 0x12, 0x01, 0x62])
  await writeFile(changed, Buffer.concat([await readFile(model), more]))
  return changed
}

async function file(path: string, hex: string): Promise<string> {
  await writeFile(path, Buffer.from(hex, 'hex'))
  return path
}
