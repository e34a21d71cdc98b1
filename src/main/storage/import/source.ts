import { createHash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  type Dir,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../../../shared/errors'
import { quoted, Rejection } from './rejection'

/** What a person gave: a file or folder of this machine, or uploaded files under their relative paths. */
export type SourceLocation =
  | { kind: 'path'; path: string }
  | { kind: 'files'; files: { path: string; absolutePath: string }[] }

/** A regular file of the source. */
export interface SourceFile {
  /** Relative to the model's folder, with forward slashes. */
  path: string
  absolutePath: string
  sizeBytes: number
  /** Changes when the file does: device, inode, size and times. */
  stamp: string
}

/** The files that an import may look at; nothing else of the machine is reachable through it. */
export interface Source {
  /** Name of the dropped folder, or of the folder around the dropped file. */
  folder: string
  /** Set when one file was given: its siblings are read only where it names them. */
  only: SourceFile | null
  /** Regular files at any depth, sorted by path; empty when one file was given. */
  files: SourceFile[]
  /** Paths passed over: links, devices, `.git`, and what lies too deep. */
  passedOver: string[]
  /** @param path checked by {@link assertSafePath} @throws Rejection when it is not there or no regular file */
  find(path: string): SourceFile
}

/** Files and folders at any depth: more than any model or data set has, fewer than a home folder. */
const MOST_ENTRIES = 100_000
const DEEPEST = 8
/** What a version control keeps: no part of the model, and as large as the model. */
const NEVER_ENTERED = '.git'

/**
 * A link is followed only at the top: the person chose it.
 * @throws AppError `storage.not_found`; Rejection, also for a folder with too much in it
 */
export function openSource(location: SourceLocation): Source {
  if (location.kind === 'files') return uploadedSource(location.files)
  const top = realpathSync(location.path)
  const stats = statSync(top, { bigint: true })
  if (stats.isDirectory()) return folderSource(top, basename(location.path))
  if (!stats.isFile()) {
    throw new Rejection(
      'storage.unreadable',
      'This is neither a file nor a folder, so it holds no model.',
      basename(top),
    )
  }
  const root = dirname(top)
  const only = fileOf(basename(location.path), top, stats)
  return {
    folder: basename(dirname(location.path)),
    only,
    files: [],
    passedOver: [],
    find: (path) => findWithin(root, path),
  }
}

function folderSource(root: string, folder: string): Source {
  const files: SourceFile[] = []
  const passedOver: string[] = []
  let seen = 0
  const visit = (relative: string, depth: number) => {
    const handle = openFolder(join(root, relative), relative === '')
    if (!handle) {
      passedOver.push(relative)
      return
    }
    try {
      for (let entry = handle.readSync(); entry; entry = handle.readSync()) {
        const path = relative === '' ? entry.name : `${relative}/${entry.name}`
        if (++seen > MOST_ENTRIES) throw tooMuch(folder)
        if (entry.isDirectory() && entry.name !== NEVER_ENTERED && depth < DEEPEST) visit(path, depth + 1)
        else {
          // A name that is not UTF-8 cannot be opened by what we read of it.
          const stats = lstatSync(join(root, path), { bigint: true, throwIfNoEntry: false })
          if (stats?.isFile()) files.push(fileOf(path, join(root, path), stats))
          else passedOver.push(path)
        }
      }
    } finally {
      handle.closeSync()
    }
  }
  visit('', 0)
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  return { folder, only: null, files, passedOver, find: (path) => findWithin(root, path) }
}

function tooMuch(folder: string): Rejection {
  const message = `The folder holds more than ${MOST_ENTRIES.toLocaleString('en')} files and folders. Import the folder of the model itself, or its file.`
  return new Rejection('storage.unreadable', message, folder)
}

/** Null for a folder inside that may not be read: the model may well do without it. */
function openFolder(path: string, isTop: boolean): Dir | null {
  try {
    return opendirSync(path)
  } catch (error) {
    if (isTop) throw error
    return null
  }
}

function uploadedSource(uploaded: { path: string; absolutePath: string }[]): Source {
  const files = uploaded.map(({ path, absolutePath }) =>
    fileOf(path, absolutePath, statSync(absolutePath, { bigint: true })),
  )
  // A dropped folder arrives as FOLDER/file: what all paths begin with is the folder's name, not part of the model.
  const first = files[0]?.path.split('/')[0] ?? ''
  const folder = files.every((file) => file.path.startsWith(`${first}/`)) ? first : ''
  if (folder !== '') for (const file of files) file.path = file.path.slice(folder.length + 1)
  const byPath = new Map(files.map((file) => [file.path, file]))
  const find = (path: string) => {
    const file = byPath.get(path)
    if (!file) throw missing(path)
    return file
  }
  const only = files.length === 1 ? (files[0] ?? null) : null
  return { folder, only, files: only ? [] : files, passedOver: [], find }
}

/** What systems leave in folders and archives, at any depth, beside what people put there. */
export function isLitter(path: string): boolean {
  return /(?:^|\/)(?:__MACOSX(?:\/|$)|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)/i.test(path)
}

/** Where all of a source lies in one folder, and all of that in one, what lies in the last; else the source itself. */
export function innermost(source: Source): Source {
  const files = source.files.filter(({ path }) => !isLitter(path))
  const [first] = files
  const folder = first?.path.includes('/') ? first.path.slice(0, first.path.indexOf('/') + 1) : null
  const paths = [...files.map(({ path }) => path), ...source.passedOver]
  if (folder === null || !paths.every((path) => path.startsWith(folder))) return source
  const inside = (file: SourceFile) => ({ ...file, path: file.path.slice(folder.length) })
  return innermost({
    ...source,
    files: source.files.filter(({ path }) => path.startsWith(folder)).map(inside),
    passedOver: source.passedOver.map((path) => path.slice(folder.length)),
    find: (path) => inside(source.find(folder + path)),
  })
}

/** Walks down one name at a time, so that no link, wherever it stands, leads out of the folder. */
function findWithin(root: string, path: string): SourceFile {
  const names = path.split('/')
  let absolutePath = root
  for (const [index, name] of names.entries()) {
    absolutePath = join(absolutePath, name)
    const stats = lstatSync(absolutePath, { bigint: true, throwIfNoEntry: false })
    if (!stats) throw missing(path)
    const isLast = index === names.length - 1
    if (isLast ? !stats.isFile() : !stats.isDirectory()) {
      const what = stats.isSymbolicLink() ? 'a link, and links are not followed' : 'not a regular file'
      throw new Rejection(
        'storage.unsafe',
        `The model names ${quoted(path)}, which is ${what}. Put the real file there.`,
        path,
      )
    }
    if (isLast) return fileOf(path, absolutePath, stats)
  }
  throw missing(path)
}

function fileOf(path: string, absolutePath: string, stats: BigIntStats): SourceFile {
  return { path, absolutePath, sizeBytes: Number(stats.size), stamp: stampOf(stats) }
}

function stampOf(stats: BigIntStats): string {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':')
}

/**
 * Names a state of a file: the same while its path, inode, size and times are the same, also after a restart, which may give
 * its disk another number.
 */
export function stateOf({ absolutePath, stamp }: Pick<SourceFile, 'absolutePath' | 'stamp'>): string {
  const withoutDevice = stamp.slice(stamp.indexOf(':'))
  return createHash('sha256').update(`${absolutePath}\0${withoutDevice}`).digest('hex')
}

function missing(path: string): Rejection {
  return new Rejection(
    'storage.incomplete',
    `The model needs the file ${quoted(path)}, which is not there. Add it and import again.`,
    path,
  )
}

/**
 * Opens a file of the source, sure that it is the one that was looked at. Never waits on a pipe, never follows a link.
 * @throws AppError `storage.unreadable` when it has changed since
 */
export function openUnchanged(file: Pick<SourceFile, 'path' | 'absolutePath' | 'stamp'>): number {
  // Windows has neither flag; there the stamp alone decides.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  const descriptor = openSync(file.absolutePath, flags)
  try {
    assertUnchanged(descriptor, file)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** @throws AppError `storage.unreadable` */
export function assertUnchanged(descriptor: number, file: Pick<SourceFile, 'path' | 'stamp'>): void {
  if (stampOf(fstatSync(descriptor, { bigint: true })) !== file.stamp) throw changedWhileRead(file.path)
}

export function changedWhileRead(path: string): AppError {
  const message = `${quoted(path)} changed while it was being read. Wait until nothing writes to it any more, then import it again.`
  return new AppError('storage.unreadable', message, { file: path })
}

/**
 * A path that a model or an upload names must stay inside the model's folder, on every system: relative, forward
 * slashes, no `..`, no drive, no control characters. @throws Rejection `storage.unsafe`
 */
export function assertSafePath(path: string, file: string): void {
  const problem = problemOfPath(path)
  if (problem === null) return
  throw new Rejection(
    'storage.unsafe',
    `The path ${quoted(path)} ${problem}. A model may only name files inside its own folder.`,
    file,
  )
}

function problemOfPath(path: string): string | null {
  if (path === '') return 'is empty'
  if (Buffer.byteLength(path) > 1024) return 'is longer than 1024 bytes'
  if (/^[/\\]/.test(path) || /^[a-z]:/i.test(path)) return 'is absolute'
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return 'is an address, not a file'
  if (path.includes('\\')) return 'holds a backslash'
  if (/\p{Cc}/u.test(path)) return 'holds a control character'
  const names = path.split('/')
  if (names.includes('..')) return 'leads out of the folder'
  if (names.includes('') || names.includes('.')) return 'holds an empty or "." part'
  if (names.some((name) => Buffer.byteLength(name) > 255)) return 'holds a name longer than 255 bytes'
  return null
}
