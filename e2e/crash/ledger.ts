import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from '@playwright/test'
import type { Answer, Serve } from '../support/serve'
import type { Source } from './sources'

type Body = Answer['body']

/** So many are looked at after each start; all of them now and then. */
const LATEST_JOBS = 100

interface AcknowledgedImport {
  source: Source
  /** From a path: a restart takes it up again. An upload has nothing that it could be taken up from. */
  isResumable: boolean
}

interface AcknowledgedJob {
  id: string
  submittedAt: number
  /** How it ended, once it was seen to have ended; it must never be seen otherwise. */
  end: string | null
  /** Checks the result of a job that succeeded. */
  judge(result: Body): void
}

/**
 * All that the system has acknowledged, and what was asked and not answered when it died: that may have happened, whole,
 * or not at all.
 */
export class Ledger {
  readonly #serve: Serve
  readonly #sources: readonly Source[]
  /** SHA-256 by `collection/name@version`. */
  readonly versions = new Map<string, string>()
  #ended = 0
  readonly #removed = new Set<string>()
  readonly removing = new Set<string>()
  /** Those whose end was not yet seen. */
  readonly imports = new Map<string, AcknowledgedImport>()
  /** The reasons that were given, oldest first. */
  readonly moves: string[] = []
  pendingMove: string | null = null
  readonly jobs = new Map<string, AcknowledgedJob>()
  /** What was asked and not answered: key, specification and judge. */
  readonly pendingJobs = new Map<string, [key: string, spec: object, judge: AcknowledgedJob['judge']]>()
  /** Blobs that were hashed already, by name and the times of the file. */
  readonly #hashed = new Set<string>()

  constructor(serve: Serve, sources: readonly Source[]) {
    this.#serve = serve
    this.#sources = sources
  }

  /** An import was seen to have ended. */
  importEnded(view: Body, { source, isResumable }: AcknowledgedImport): void {
    this.imports.delete(view.id)
    this.#ended++
    if (view.state !== 'completed') {
      // An upload that was cut off; nothing else may fail.
      expect({ isResumable, state: view.state, code: view.error?.code }).toEqual({
        isResumable: false,
        state: 'failed',
        code: 'system.stopping',
      })
      return
    }
    const key = `${source.kind}s/${view[source.kind]}@${view.version}`
    // The same bytes again are the version that was there, which may have been removed since.
    if (!this.#removed.has(key)) this.versions.set(key, source.sha256)
  }

  versionRemoved(key: string): void {
    this.removing.delete(key)
    this.versions.delete(key)
    this.#removed.add(key)
  }

  jobEnded(key: string, view: Body): void {
    const job = this.jobs.get(key)
    if (!job) throw new Error(`nobody has submitted ${key}`)
    const end = JSON.stringify([view.id, view.state, view.attempt, view.finishedAt, view.error?.code ?? null])
    // An end is final: seen again, after whatever restarts, it is the same end.
    if (job.end !== null) expect(end).toBe(job.end)
    job.end = end
  }

  /** What was acknowledged in all, in words. */
  counts(): string {
    const ends = [...this.jobs.values()].map(({ end }) => end)
    const resumedJobs = ends.filter((end) => end?.includes('succeeded')).length
    return `${this.#ended} imports ended, ${this.moves.length} alias moves, ${this.#removed.size} removals, ${this.jobs.size} jobs (${resumedJobs} succeeded) were acknowledged`
  }

  /** What must hold at any moment after a start, whatever goes on. */
  async checkStorage(): Promise<void> {
    await this.#checkTemporaries()
    const listed = new Map<string, Body>()
    for (const collection of ['models', 'datasets']) {
      const names: string[] = (await this.#all(`/${collection}`)).map(({ name }) => name)
      const lists = names.map(async (name) => {
        for (const version of await this.#all(`/${collection}/${name}/versions`))
          listed.set(`${collection}/${name}@${version.version}`, version)
      })
      await Promise.all(lists)
    }
    for (const key of this.versions.keys()) {
      if (!listed.has(key) && this.removing.has(key)) this.versionRemoved(key)
      else expect([...listed.keys()], 'an acknowledged version is lost').toContain(key)
    }
    this.removing.clear()
    for (const [key, version] of listed) {
      expect(this.#removed.has(key), `${key} was removed and is back`).toBe(false)
      await this.#checkVersion(key, version)
    }
    await this.#checkMoves()
    await this.#checkImports()
  }

  /**
   * What must hold of jobs and leases; waits until the system runs jobs.
   * @param all also of those that have ended long ago
   */
  async checkJobs(all: boolean): Promise<void> {
    const listed: Body[] = all ? await this.#all('/jobs') : await this.#latestJobs()
    const byLabel = new Map<string, Body[]>()
    for (const job of listed) {
      const key = job.labels.key
      if (key) byLabel.set(key, [...(byLabel.get(key) ?? []), job])
    }
    for (const [key, jobs] of byLabel) expect(jobs.length, `${key} is there twice`).toBe(1)
    const oldest = listed.at(-1)?.createdAt ?? ''
    for (const [key, { id, end, submittedAt }] of this.jobs) {
      // What ended before the latest ones is looked at when all are.
      if (!all && end !== null && submittedAt < Date.parse(oldest)) continue
      const job = byLabel.get(key)?.[0] ?? (all ? null : (await this.#serve.call('GET', `/jobs/${id}`)).body)
      expect(job?.id, `the acknowledged job ${key} is lost`).toBe(id)
      if (job.finishedAt !== null) await this.checkEnd(key, job)
    }
    const ended = new Set(listed.flatMap((job) => (job.finishedAt === null ? [] : [job.id])))
    for (const lease of await this.#all('/leases')) {
      expect(ended.has(lease.job), `the lease ${lease.id} of an ended job is still held`).toBe(false)
    }
  }

  /** A job was seen to have ended: how, once and for all, and with what. */
  async checkEnd(key: string, view: Body): Promise<void> {
    const job = this.jobs.get(key)
    const isNew = job?.end === null
    this.jobEnded(key, view)
    if (!isNew) return
    if (view.state === 'failed') {
      // Killed again and again without getting on: taken for the cause of it.
      expect(view.error.code).toBe('compute.interrupted')
      return
    }
    expect(view.state).toBe('succeeded')
    const { status, body } = await this.#serve.call('GET', `/jobs/${view.id}/result`)
    expect(status, `the result of ${key} is lost`).toBe(200)
    job?.judge(body)
  }

  /** What must hold when nothing goes on any more: everything has ended, and nothing lies about. */
  async checkAtRest(): Promise<void> {
    for (const id of [...this.imports.keys()]) {
      const view = await this.#serve.until(`/imports/${id}`, ({ state }) => state !== 'running', 120_000)
      const acknowledged = this.imports.get(id)
      if (acknowledged) this.importEnded(view, acknowledged)
    }
    for (const [key, { id }] of this.jobs) {
      const job = await this.#serve.until(`/jobs/${id}`, ({ finishedAt }) => finishedAt !== null, 180_000)
      await this.checkEnd(key, job)
    }
    await this.checkStorage()
    await this.checkJobs(true)
    const verified = (await this.#serve.call('POST', '/storage/verify', {})).body
    expect(verified).toMatchObject({ state: 'completed', damaged: [], missing: [] })
    await this.#serve.call('POST', '/storage/gc', {})
    expect((await this.#serve.call('POST', '/storage/gc', {})).body).toMatchObject({
      removed: 0,
      freedBytes: 0,
    })
    expect(await readdir(join(this.#serve.dataDir, 'blobs', 'incoming'))).toEqual([])
    for (const key of this.versions.keys()) await this.#download(key)
    for (const { job, purpose } of await this.#all('/leases')) {
      expect({ job, purpose }).toEqual({ job: null, purpose: expect.stringMatching(/^engine /) })
    }
  }

  async #checkTemporaries(): Promise<void> {
    const before = await this.#runningImports()
    const names = await readdir(join(this.#serve.dataDir, 'blobs', 'incoming'))
    // One that ended meanwhile ran when its part was seen.
    const running = new Set([...before, ...(await this.#runningImports())])
    // Named after the process that writes them, or the import that goes on with them.
    const left = names.filter(
      (name) => !name.startsWith(`${this.#serve.pid}-`) && !running.has(name.split('~')[0] ?? ''),
    )
    expect(left, 'files of an import that died are left').toEqual([])
  }

  async #runningImports(): Promise<string[]> {
    return (await this.#all('/imports')).filter(({ state }) => state === 'running').map(({ id }) => id)
  }

  /** Every file of a visible version is there with every byte, be it acknowledged or not. */
  async #checkVersion(key: string, version: Body): Promise<void> {
    expect(version.files.length).toBeGreaterThan(0)
    for (const { digest, sizeBytes } of version.files) {
      const path = join(this.#serve.dataDir, 'blobs', digest.slice(0, 2), digest)
      const stats = await stat(path).catch(() => null)
      expect(stats?.size, `a file of ${key} is not whole`).toBe(sizeBytes)
      const seen = `${digest} ${stats?.ino} ${stats?.mtimeMs} ${stats?.ctimeMs}`
      if (this.#hashed.has(seen)) continue
      expect(await sha256Of(path), `bytes of ${key} are wrong`).toBe(digest)
      this.#hashed.add(seen)
    }
    const known =
      this.versions.get(key) ?? this.#sources.find(({ sha256 }) => sha256 === version.digest)?.sha256
    expect(version.digest, `${key} is not what was imported`).toBe(known)
    this.versions.set(key, version.digest)
  }

  async #checkMoves(): Promise<void> {
    const { body } = await this.#serve.call('GET', '/models/m0')
    const history = (body.history ?? []).filter(({ alias }: Body) => alias === 'live').reverse()
    const reasons = history.map(({ reason }: Body) => reason)
    // What was asked when the system died has happened, or has not.
    if (this.pendingMove !== null && reasons.at(-1) === this.pendingMove) this.moves.push(this.pendingMove)
    this.pendingMove = null
    // Of the model the newest thousand are told.
    const told = (body.history ?? []).length < 1_000 ? this.moves : this.moves.slice(-history.length)
    expect(reasons, 'the history of the alias').toEqual(told)
    const alias = (body.aliases ?? []).find((candidate: Body) => candidate.alias === 'live')
    expect(alias?.version, 'where the alias points').toBe(history.at(-1)?.to)
  }

  async #checkImports(): Promise<void> {
    const views = new Map((await this.#all('/imports')).map((view) => [view.id, view]))
    for (const [id, acknowledged] of this.imports) {
      const view = views.get(id)
      expect(view, `the import ${id} is forgotten`).toBeDefined()
      if (view.state === 'running')
        expect(acknowledged.isResumable, 'an upload cannot go on after its sender is gone').toBe(true)
      else this.importEnded(view, acknowledged)
    }
  }

  async #download(key: string): Promise<void> {
    const [, collection, name, version] = /^(\w+)\/(.+)@(\d+)$/.exec(key) ?? []
    const path = `/${collection}/${name}/versions/${version}`
    const { files } = (await this.#serve.call('GET', path)).body
    const headers = { authorization: `Bearer ${this.#serve.ownerKey}` }
    const answer = await fetch(`${this.#serve.url}/api${path}/files/${files[0].path}`, { headers })
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(this.versions.get(key))
  }

  async #latestJobs(): Promise<Body[]> {
    const { status, body } = await this.#serve.call('GET', `/jobs?limit=${LATEST_JOBS}`)
    expect(status).toBe(200)
    return body.items
  }

  async #all(path: string): Promise<Body[]> {
    const items: Body[] = []
    let cursor = ''
    do {
      const { status, body } = await this.#serve.call('GET', `${path}?limit=1000${cursor}`)
      expect(status, path).toBe(200)
      items.push(...body.items)
      cursor =
        body.nextCursor === null || body.nextCursor === undefined
          ? ''
          : `&cursor=${encodeURIComponent(body.nextCursor)}`
    } while (cursor !== '')
    return items
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}
