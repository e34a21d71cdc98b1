import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { chown, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { fixtures, Serve, sileroInputs } from './support/serve'

test.setTimeout(180_000)

const silero = join(fixtures, 'silero_vad_v5.onnx')
const ocr = join(fixtures, 'ch_ppocr_mobile_v2.0_cls_infer.onnx')

let serve: Serve

test.describe('one system for all', () => {
  test.beforeAll(async () => {
    serve = await Serve.start()
  })
  test.afterAll(() => serve.dispose())

  test('an app is let run one model by its alias, and nothing else', async () => {
    expect(await serve.import(silero)).toMatchObject({
      state: 'completed',
      model: 'silero-vad',
      version: 1,
      verdict: 'accept',
    })
    await serve.import(ocr, 'ocr')
    await serve.call('PUT', '/models/silero-vad/aliases/production', { version: 1 })
    const app = (await serve.call('POST', '/principals', { kind: 'app', name: 'Notes', roles: ['app'] })).body
    const key = (await serve.call('POST', `/principals/${app.id}/keys`, {})).body.key
    const run = (model: string) =>
      serve.call('POST', '/jobs', { kind: 'infer', model, inputs: sileroInputs() }, key)

    expect((await run('silero-vad@production')).status).toBe(403)
    const text = `permit(principal == App::"${app.id}", action == Action::"model.run", resource == ModelRef::"silero-vad@production");`
    expect(await serve.call('POST', '/policies/validate', { text })).toMatchObject({
      status: 200,
      body: { valid: true },
    })
    expect((await serve.call('PUT', '/policies/notes-may-run-silero', { text })).status).toBe(200)

    const job = await run('silero-vad@production')
    expect(job).toMatchObject({
      status: 201,
      body: { model: 'silero-vad@production', modelVersion: 1, principal: app.id },
    })
    const result = await serve.call('GET', `/jobs/${job.body.id}/result?waitMs=20000`, undefined, key)
    expect(result.body.outputs.output.data[0]).toBeCloseTo(0.100131, 5)
    expect(result.body.timings.computeMs).toBeGreaterThan(0)

    for (const other of ['silero-vad@1', 'ocr@1', 'nothing@1']) expect((await run(other)).status).toBe(403)
    expect((await serve.call('GET', '/models/ocr', undefined, key)).status).toBe(403)
    expect((await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 1 }, key)).status).toBe(403)
    expect(
      (await serve.call('PUT', '/policies/all', { text: 'permit(principal, action, resource);' }, key))
        .status,
    ).toBe(403)
    const denials = (await serve.call('GET', '/audit?decision=deny')).body.items
    expect(denials).toContainEqual(
      expect.objectContaining({ principal: app.id, action: 'model.run', resource: `ModelRef::"ocr@1"` }),
    )
    expect(
      (
        await serve.call('POST', '/decisions/explain', {
          principal: app.id,
          action: 'model.run',
          resource: 'ModelRef::"silero-vad@production"',
        })
      ).body,
    ).toMatchObject({
      decision: 'allow',
      policies: ['notes-may-run-silero'],
    })

    await serve.call('PUT', '/policies/no-silero', {
      text: `forbid(principal == App::"${app.id}", action, resource in Model::"silero-vad");`,
    })
    const forbidden = await run('silero-vad@production')
    expect(forbidden).toMatchObject({
      status: 403,
      body: { error: { code: 'security.denied', details: { policies: ['no-silero'] } } },
    })
    expect((await serve.call('POST', '/audit/verify', {})).body.valid).toBe(true)

    await serve.call('DELETE', `/policies/no-silero`)
    expect((await run('silero-vad@production')).status).toBe(201)
    await serve.call('DELETE', `/principals/${app.id}`)
    expect((await run('silero-vad@production')).status).toBe(401)
  })

  test('a job waits, runs, gives its result and its log; states never go back', async () => {
    await serve.import(join(fixtures, 'mnist_cnn.onnx'))
    const digits = new Float32Array((await readFile(join(fixtures, 'test100.f32'))).buffer.slice(0))
    const labels = JSON.parse(await readFile(join(fixtures, 'test100.json'), 'utf8')) as number[]
    const items = labels.map((_, i) => ({
      image: {
        dtype: 'float32',
        shape: [1, 1, 28, 28],
        base64: Buffer.from(digits.buffer, i * 3136, 3136).toString('base64'),
      },
    }))
    const batch = await serve.call('POST', '/jobs', {
      kind: 'batch',
      model: 'mnist-cnn@latest',
      items,
      idempotencyKey: 'once',
    })
    expect(batch, JSON.stringify(batch.body)).toMatchObject({ status: 201 })
    expect(
      (
        await serve.call('POST', '/jobs', {
          kind: 'batch',
          model: 'mnist-cnn@latest',
          items,
          idempotencyKey: 'once',
        })
      ).body.id,
    ).toBe(batch.body.id)
    const result = (await serve.call('GET', `/jobs/${batch.body.id}/result?waitMs=30000`)).body
    const right = result.items.filter(
      ({ outputs }: { outputs: Record<string, { data: number[] }> }, i: number) => {
        const scores = Object.values(outputs)[0]?.data ?? []
        return scores.indexOf(Math.max(...scores)) === labels[i]
      },
    )
    expect(right.length).toBe(88)

    const benchmark = await serve.call('POST', '/jobs', {
      kind: 'benchmark',
      model: 'mnist-cnn@1',
      iterations: 50,
    })
    const figures = (await serve.call('GET', `/jobs/${benchmark.body.id}/result?waitMs=30000`)).body
    expect(figures).toMatchObject({ iterations: 50 })
    expect(figures.latencyMs.p50).toBeGreaterThan(0)
    expect(figures.latencyMs.p99).toBeGreaterThanOrEqual(figures.latencyMs.p50)

    const held = (await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 5, hold: true })).body
    expect(held.state).toBe('held')
    expect((await serve.call('GET', `/jobs/${held.id}/result`)).body.error.code).toBe('compute.not_finished')
    expect((await serve.call('PATCH', `/jobs/${held.id}`, { priority: 90 })).body.priority).toBe(90)
    await serve.call('POST', `/jobs/${held.id}/resume`)
    expect(
      (await serve.until(`/jobs/${held.id}`, (job) => job.state !== 'queued' && job.state !== 'running'))
        .state,
    ).toBe('succeeded')
    expect((await serve.call('POST', `/jobs/${held.id}/cancel`)).status).toBe(409)
    expect((await serve.call('GET', `/jobs/${held.id}/log`)).body.items.length).toBeGreaterThan(0)

    const long = (await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 60_000 })).body
    await serve.until(`/jobs/${long.id}`, (job) => job.state === 'running')
    await serve.call('POST', `/jobs/${long.id}/cancel`)
    expect((await serve.until(`/jobs/${long.id}`, (job) => job.state !== 'running')).state).toBe('cancelled')
    expect(
      (await serve.call('GET', '/leases')).body.items.filter((lease: { job: string | null }) => lease.job),
    ).toEqual([])
  })

  test('one call does it: submit waits for the end and carries the result', async () => {
    await serve.import(silero)
    const infer = { kind: 'infer', model: 'silero-vad@1', inputs: sileroInputs() }
    const engines = async () =>
      (await serve.call('GET', '/runtimes')).body.items.flatMap(
        (runtime: { engines: { id: string }[] }) => runtime.engines,
      )
    for (const { id } of await engines()) await serve.call('DELETE', `/engines/${id}`)
    expect(await engines()).toEqual([])
    // The first loads the model; the second meets an idle engine and runs before it is on the disk.
    for (const idempotencyKey of ['cold', 'warm']) {
      const job = await serve.call('POST', '/jobs', { ...infer, idempotencyKey, waitMs: 30_000 })
      expect(job).toMatchObject({ status: 201, body: { state: 'succeeded', attempt: 1 } })
      if (idempotencyKey === 'cold') expect(job.body.timings.loadMs).toBeGreaterThan(0)
      expect(job.body.result.outputs.output.data[0]).toBeCloseTo(0.100131, 5)
      expect((await serve.call('GET', `/jobs/${job.body.id}/result`)).body).toEqual(job.body.result)
      expect((await serve.call('POST', '/jobs', { ...infer, idempotencyKey, waitMs: 1000 })).body).toEqual(
        job.body,
      )
      expect((await serve.call('POST', '/jobs', { ...infer, idempotencyKey })).body.result).toBeUndefined()
    }
    const failed = { kind: 'synthetic', durationMs: 0, fail: 'error', waitMs: 30_000 }
    const answer = await serve.call('POST', '/jobs', failed)
    expect(answer).toMatchObject({
      status: 201,
      body: { state: 'failed', error: { code: 'compute.runtime_failed' } },
    })
    expect(answer.body.result).toBeUndefined()
    const long = await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 60_000, waitMs: 50 })
    expect(long.body.state).toMatch(/^(queued|running)$/)
    expect(long.body.result).toBeUndefined()
    await serve.call('POST', `/jobs/${long.body.id}/cancel`)
    expect((await serve.call('POST', '/jobs', { ...infer, waitMs: -1 })).status).toBe(422)
  })

  test('BlazeFace and Basic Pitch, imported and run over REST, give their numbers', async () => {
    const pixels = Float32Array.from({ length: 128 * 128 * 3 }, (_, i) => ((i * 7919) % 1000) / 1000)
    const tone = Float32Array.from({ length: 43_844 }, (_, i) => Math.sin((2 * Math.PI * 440 * i) / 22_050))
    const run = async (
      model: string,
      input: string,
      values: Float32Array,
      shape: number[],
      output: string,
    ) => {
      const inputs = {
        [input]: { dtype: 'float32', shape, base64: Buffer.from(values.buffer).toString('base64') },
      }
      const job = await serve.call('POST', '/jobs', { kind: 'infer', model, inputs, waitMs: 60_000 })
      expect(job, JSON.stringify(job.body)).toMatchObject({ status: 201, body: { state: 'succeeded' } })
      const { data, base64 } = job.body.result.outputs[output]
      // Many values come as bytes.
      return data ?? [...new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer)]
    }
    await serve.import(join(fixtures, 'face_detection_front_128x128_barracuda.onnx'), 'blazeface')
    await serve.import(join(fixtures, 'basic-pitch'), 'basic-pitch')

    const faces: number[] = await run('blazeface@1', 'input:0', pixels, [1, 128, 128, 3], 'Identity:0')
    expect(faces.reduce((sum, value) => sum + value, 0)).toBeCloseTo(-1800.853, 2)

    // How likely each of 88 notes sounds in each of 172 frames; the first is MIDI 21.
    const frames: number[] = await run('basic-pitch@1', 'input_2', tone, [1, 43_844, 1], 'Identity_1:0')
    const notes = new Array<number>(88).fill(0)
    frames.forEach((value, i) => {
      notes[i % 88] = (notes[i % 88] ?? 0) + value
    })
    expect(frames).toHaveLength(172 * 88)
    expect(21 + notes.indexOf(Math.max(...notes))).toBe(69)
  })

  test('a worker that fails, crashes or hangs fails its attempt, never the system', async () => {
    const submit = async (job: object) =>
      (await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 10, ...job })).body
    const failing = await submit({ fail: 'error' })
    const crashing = await submit({ fail: 'crash', maxAttempts: 2 })
    const hanging = await submit({ fail: 'hang', timeoutMs: 500 })
    const ended = (id: string) =>
      serve.until(`/jobs/${id}`, (job) => ['succeeded', 'failed', 'cancelled'].includes(job.state))
    expect(await ended(failing.id)).toMatchObject({
      state: 'failed',
      error: { code: 'compute.runtime_failed' },
    })
    expect(await ended(crashing.id)).toMatchObject({
      state: 'failed',
      attempt: 2,
      error: { code: 'compute.worker_crashed' },
    })
    expect(await ended(hanging.id)).toMatchObject({ state: 'failed', error: { code: 'compute.timeout' } })
    expect(await ended((await submit({})).id)).toMatchObject({ state: 'succeeded' })
    expect((await serve.call('GET', '/health', undefined, null)).body.status).toBe('ok')
  })
})

test.describe('a new system for each', () => {
  test.beforeEach(async () => {
    serve = await Serve.start()
  })
  test.afterEach(() => serve.dispose())

  test('bad input ends in a clear error of the vocabulary, and nothing half-done remains', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bad-'))
    const file = async (name: string, bytes: Buffer | string) => {
      await writeFile(join(folder, name), bytes)
      return serve.import(join(folder, name))
    }
    const whole = await readFile(silero)
    for (const outcome of [
      await file('empty.onnx', ''),
      await file('picture.onnx', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')),
      await file('cut.onnx', whole.subarray(0, 100_000)),
      await serve.import(folder),
    ]) {
      expect(outcome.state).toBe('rejected')
      expect(outcome.findings[0].message).toMatch(/\w+ \w+/)
    }
    expect((await serve.call('POST', '/imports', { path: join(folder, 'nowhere') })).body.error.code).toBe(
      'storage.not_found',
    )
    expect((await serve.call('GET', '/models')).body.items).toEqual([])
    expect((await serve.call('GET', '/storage')).body.blobs).toBe(0)

    await serve.import(silero)
    const infer = (inputs: object) =>
      serve.call('POST', '/jobs', { kind: 'infer', model: 'silero-vad@1', inputs })
    const good = sileroInputs()
    const wrongShape = await infer({
      ...good,
      state: { dtype: 'float32', shape: [2, 1, 100], data: new Array(200).fill(0) },
    })
    expect(wrongShape).toMatchObject({ status: 422, body: { error: { code: 'compute.invalid_input' } } })
    expect(wrongShape.body.error.message).toMatch(/state.*float32.*\[2, 1, 100\]/s)
    expect(
      (await infer({ ...good, sr: { dtype: 'float32', shape: [], data: [1] } })).body.error.message,
    ).toMatch(/sr.*int64.*float32/s)
    expect((await infer({ input: good.input })).status).toBe(422)
    expect(
      (await serve.call('POST', '/jobs', { kind: 'infer', model: 'silero-vad@9', inputs: good })).body.error
        .code,
    ).toBe('storage.not_found')
    expect((await serve.call('POST', '/jobs', { kind: 'dance' })).body.error.code).toBe('system.invalid')
    expect((await serve.call('POST', '/leases', { need: { cpuCores: -1 } })).status).toBe(422)
    expect((await serve.call('POST', '/leases', { need: { cpuCores: 100_000 } })).body.error.code).toBe(
      'core.impossible',
    )
    expect(
      (await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 1, need: { npu: 9 } })).body.error
        .code,
    ).toBe('core.impossible')
    expect((await serve.call('GET', '/devices', undefined, 'lla_unknown')).status).toBe(401)
    expect((await serve.call('GET', '/devices', undefined, null)).status).toBe(401)
    expect((await serve.call('GET', '/nowhere')).body.error.code).toBe('network.not_found')
    expect((await serve.call('GET', '/health')).status).toBe(200)
  })

  test('devices, resources and leases: granted whole, held, released', async () => {
    const { items } = (await serve.call('GET', '/devices')).body
    const cpu = items.find(({ kind }: { kind: string }) => kind === 'cpu')
    expect(cpu).toMatchObject({ origin: 'detected', health: 'ok' })
    expect(cpu.capacity.cpuCores).toBeGreaterThan(0)
    const all = cpu.capacity.cpuCores
    const lease = await serve.call('POST', '/leases', { need: { cpuCores: all }, ttlMs: 60_000 })
    expect(lease).toMatchObject({ status: 201, body: { state: 'granted', placement: [{ device: cpu.id }] } })
    const refused = await serve.call('POST', '/leases', { need: { cpuCores: 1 } })
    expect(refused).toMatchObject({
      status: 409,
      body: { error: { code: 'core.unavailable', details: { missing: { cpuCores: 1 } } } },
    })
    expect(refused.body.error.details.holders[0].lease).toBe(lease.body.id)
    const waiting = serve.call('POST', '/leases', { need: { cpuCores: 1 }, waitMs: 10_000 })
    const job = (await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 1 })).body
    await serve.until(`/jobs/${job.id}`, ({ waitReason }) => /core/i.test(waitReason))
    expect((await serve.call('DELETE', `/leases/${lease.body.id}`)).status).toBe(204)
    expect((await waiting).status).toBe(201)
    await serve.until(`/jobs/${job.id}`, ({ state }) => state === 'succeeded')
    const fpga = (
      await serve.call('POST', '/devices', { kind: 'fpga', name: 'Alveo', capacity: { fpga: 1 } })
    ).body
    expect(fpga.origin).toBe('declared')
    expect((await serve.call('POST', '/leases', { need: { fpga: 1 } })).body.placement).toEqual([
      { device: fpga.id, amounts: { fpga: 1 } },
    ])
    expect((await serve.call('DELETE', `/devices/${fpga.id}`)).body.error.code).toBe('core.in_use')
  })

  test('versions: the same bytes once, a changed file is the next, an alias moves and its history stays; files download by range', async () => {
    await serve.import(silero)
    expect(await serve.import(silero)).toMatchObject({ version: 1, known: true })
    const changed = join(await mkdtemp(join(tmpdir(), 'changed-')), 'silero_vad_v5.onnx')
    // A field of metadata more: another model to the digest, the same to a runtime.
    await writeFile(
      changed,
      Buffer.concat([await readFile(silero), Buffer.from([0x72, 0x06, 0x0a, 0x01, 0x61, 0x12, 0x01, 0x62])]),
    )
    expect(await serve.import(changed)).toMatchObject({
      state: 'completed',
      model: 'silero-vad',
      version: 2,
      known: false,
    })
    for (const version of [1, 2, 1])
      await serve.call('PUT', '/models/silero-vad/aliases/production', { version })
    const model = (await serve.call('GET', '/models/silero-vad')).body
    expect(model).toMatchObject({ latest: 2, aliases: [{ alias: 'production', version: 1 }] })
    expect(model.history.map(({ to }: { to: number }) => to)).toEqual([1, 2, 1])
    expect((await serve.call('DELETE', '/models/silero-vad/versions/1')).body.error.code).toBe(
      'storage.in_use',
    )
    const { files } = (await serve.call('GET', '/models/silero-vad/versions/1')).body
    const range = await fetch(`${serve.url}/api/models/silero-vad/versions/1/files/${files[0].path}`, {
      headers: { authorization: `Bearer ${serve.ownerKey}`, range: 'bytes=100-199' },
    })
    expect(range.status).toBe(206)
    expect(Buffer.from(await range.arrayBuffer())).toEqual((await readFile(silero)).subarray(100, 200))
    expect((await serve.call('POST', '/storage/verify')).body).toMatchObject({
      checked: 2,
      damaged: [],
      missing: [],
    })
    for (const work of ['verify', 'gc']) {
      const begun = (await serve.call('POST', `/storage/${work}`, { waitMs: 0 })).body
      expect(begun.kind).toBe(work)
      expect(
        await serve.until(`/storage/tasks/${begun.id}`, ({ state }) => state !== 'running'),
      ).toMatchObject({ id: begun.id, kind: work, state: 'completed', createdBy: expect.any(String) })
    }
    expect(await serve.call('GET', '/storage/tasks/task-none')).toMatchObject({
      status: 404,
      body: { error: { code: 'storage.not_found' } },
    })
    expect((await serve.call('GET', '/models/silero-vad/diff?from=1&to=2')).body).toMatchObject({
      compatible: true,
    })

    const form = new FormData()
    for (const part of ['model.json', 'group1-shard1of1.bin']) {
      form.append('file', new Blob([await readFile(join(fixtures, 'basic-pitch', part))]), part)
    }
    const uploaded = await serve.call('POST', '/imports?name=basic-pitch', form)
    expect(uploaded.status).toBe(202)
    expect(
      await serve.until(`/imports/${uploaded.body.id}`, ({ state }) => state !== 'running'),
    ).toMatchObject({ state: 'completed', model: 'basic-pitch' })
  })

  test('one process a data folder; SIGTERM ends cleanly; the document describes the routes', async () => {
    const second = spawnSync(
      process.execPath,
      ['out/main/headless.cjs', '--data-dir', serve.dataDir, '--port', '0'],
      { encoding: 'utf8' },
    )
    expect(second.status).toBe(1)
    expect(second.stderr).toContain('already runs')
    const document = (await serve.call('GET', '/openapi.json', undefined, null)).body
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/jobs', '/models/{name}', '/leases/{id}/renew', '/decisions/explain']),
    )
    await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 300 })
    expect(await serve.stop()).toBe(0)
  })

  test('the key of the owner is on the disk only where nobody has given one, and only once', async () => {
    const file = join(serve.dataDir, 'owner.key')
    const startAgain = async (ownerKey: string | null) => {
      await serve.kill()
      await serve.restart(ownerKey)
    }
    for (const ownerKey of [serve.ownerKey, null]) {
      await startAgain(ownerKey)
      expect(existsSync(file)).toBe(false)
      expect((await serve.call('GET', '/me')).status).toBe(200)
    }

    await serve.kill()
    await rm(serve.dataDir, { recursive: true })
    await serve.restart(null)
    const made = await readFile(file, 'utf8')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect((await serve.call('GET', '/me', undefined, made.trim())).status).toBe(200)
    await startAgain(null)
    expect(await readFile(file, 'utf8')).toBe(made)

    const [{ id }] = (await serve.call('GET', '/me', undefined, made.trim())).body.keys
    await serve.call('DELETE', `/keys/${id}`, undefined, made.trim())
    await startAgain(null)
    expect((await serve.call('GET', '/me', undefined, made.trim())).status).toBe(401)
    expect((await serve.call('GET', '/me', undefined, (await readFile(file, 'utf8')).trim())).status).toBe(
      200,
    )
  })

  test('an owner whose key could not be written down has none, and gets one at the next start', async () => {
    const file = join(serve.dataDir, 'owner.key')
    await serve.kill()
    await rm(serve.dataDir, { recursive: true })
    await mkdir(file, { recursive: true })
    await expect(serve.restart(null)).rejects.toThrow('owner.key')
    await rmdir(file)
    await serve.restart(null)
    const key = (await readFile(file, 'utf8')).trim()
    const { id: owner, keys } = (await serve.call('GET', '/me', undefined, key)).body

    await serve.kill()
    expect(await serve.restartInTerminal()).toContain(file)
    const other = (await serve.call('POST', `/principals/${owner}/keys`, {}, key)).body.key
    expect((await serve.call('DELETE', `/keys/${keys[0].id}`, undefined, other)).status).toBe(204)
    await serve.kill()
    expect(await serve.restartInTerminal()).not.toContain(file)
  })

  test('it starts as a user that has an id and no name, as in a container', async () => {
    // biome-ignore lint/suspicious/noSkippedTests: what it needs cannot be had everywhere, and it says so
    test.skip(process.getuid?.() !== 0, 'Only root may start it as another user.')
    const nobody = 54_321
    await serve.kill()
    await rm(serve.dataDir, { recursive: true })
    await mkdir(serve.dataDir)
    await chown(serve.dataDir, nobody, nobody)
    await serve.restart(serve.ownerKey, nobody)
    expect((await serve.call('GET', '/me')).body.name).toBe(process.env['USER'] ?? 'owner')
  })
})
