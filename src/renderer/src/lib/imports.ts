import { notifications } from '@mantine/notifications'
import { create } from 'zustand'
import { getClient } from './client'
import { notifyError } from './errors'
import { hostBridge } from './host'
import { i18n } from './i18n'
import { readSetting, writeSetting } from './local-settings'
import { groupByModel } from './model-groups'
import { answeredError } from './transport'

/** Whether the task centre is open; an import that begins opens it. */
export const useTaskCentre = create<{ opened: boolean; setOpened(opened: boolean): void }>((set) => ({
  opened: false,
  setOpened: (opened) => set({ opened }),
}))

/** One thing to import: a file, or a folder with the paths within it. */
export interface UploadGroup {
  name: string
  files: { path: string; file: File }[]
}

/** How what is brought in becomes a version. */
export interface ImportOptions {
  /** The model or data set it becomes a version of; else it is named after its content. */
  name?: string
  /** Wait for the person also when nothing is wrong, so that name and family can be changed first. */
  review?: boolean
}

/** What a person wants to see before it is added: what they choose in the dialog, and what they drop on the window. */
export const REVIEWS = {
  chosen: { setting: 'import-review', byDefault: true },
  dropped: { setting: 'import-review-drops', byDefault: false },
} as const

/** Whether name and family are to be asked for; as the person has said, in any place where it can be said. */
export function asksForReview(of: keyof typeof REVIEWS): boolean {
  const { setting, byDefault } = REVIEWS[of]
  const said = readSetting(setting)
  return said === null ? byDefault : said === 'yes'
}

/** @see asksForReview */
export function setAsksForReview(of: keyof typeof REVIEWS, asks: boolean): void {
  writeSetting(REVIEWS[of].setting, asks ? 'yes' : 'no')
}

async function importPath(path: string, options: ImportOptions): Promise<void> {
  await getClient().storage.imports.start({ path, ...options })
}

async function upload(group: UploadGroup, { name, review }: ImportOptions): Promise<void> {
  const form = new FormData()
  for (const { path, file } of group.files) form.append('file', file, path)
  const query = new URLSearchParams({ ...(name ? { name } : {}), ...(review ? { review: 'true' } : {}) })
  const response = await fetch(`/api/imports?${query}`, { method: 'POST', body: form })
  if (!response.ok) throw await answeredError(response)
}

async function begin(starts: (() => Promise<void>)[]): Promise<void> {
  if (starts.length === 0) return
  useTaskCentre.getState().setOpened(true)
  const results = await Promise.allSettled(starts.map((start) => start()))
  for (const result of results) if (result.status === 'rejected') notifyError(result.reason)
}

function sayNoPath(name: string): void {
  notifications.show({ color: 'yellow', message: i18n.t('shell:importNoPath', { name }), withBorder: true })
}

function sayUnreadable(name: string): void {
  notifications.show({ color: 'red', message: i18n.t('shell:importUnreadable', { name }), withBorder: true })
}

/** The importer reads what the first file of a model names beside it, so that one alone is given. */
function importPaths(paths: readonly string[], options: ImportOptions): Promise<void> {
  const firsts = groupByModel(paths, (path) => path).flatMap((group) => group.slice(0, 1))
  return begin(firsts.map((path) => () => importPath(path, options)))
}

function uploadAll(groups: readonly UploadGroup[], options: ImportOptions): Promise<void> {
  const models = groupByModel(groups, ({ name }) => name).map((parts) => ({
    name: parts[0]?.name ?? '',
    files: parts.flatMap(({ files }) => files),
  }))
  return begin(models.map((model) => () => upload(model, options)))
}

/** Imports what was dropped: each folder, and the files of each model, by itself. */
export async function importDropped(data: DataTransfer, options: ImportOptions = {}): Promise<void> {
  const host = hostBridge()
  // Both lists are emptied when the event is over, so they are read before anything is awaited.
  const files = [...data.files]
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null)
  if (host) {
    const paths = files.map((file) => ({ file, path: host.pathForFile(file) }))
    for (const { file, path } of paths) if (!path) sayNoPath(file.name)
    return importPaths(
      paths.flatMap(({ path }) => (path ? [path] : [])),
      options,
    )
  }
  const given = entries.filter((entry) => entry !== null)
  const read = await Promise.allSettled(given.map(groupOf))
  const groups = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  // What cannot be read holds up nothing else that was dropped with it.
  for (const [i, { name }] of given.entries()) if (read[i]?.status === 'rejected') sayUnreadable(name)
  return uploadAll(
    groups.filter((group) => group.files.length > 0),
    options,
  )
}

/** Imports what was chosen in a file dialog: the files of each model by themselves, or one folder. */
async function importChosen(files: readonly File[], options: ImportOptions): Promise<void> {
  const [first] = files
  if (!first) return
  const folder = first.webkitRelativePath !== ''
  const host = hostBridge()
  if (host) {
    const paths = folder
      ? [folderPath(host.pathForFile(first), first.webkitRelativePath)]
      : files.map(host.pathForFile)
    return importPaths(paths, options)
  }
  const groups: UploadGroup[] = folder
    ? [
        {
          name: topOf(first.webkitRelativePath),
          files: files.map((file) => ({ path: file.webkitRelativePath, file })),
        },
      ]
    : files.map((file) => ({ name: file.name, files: [{ path: file.name, file }] }))
  return uploadAll(groups, options)
}

function topOf(relativePath: string): string {
  return relativePath.slice(0, Math.max(0, relativePath.indexOf('/'))) || relativePath
}

/** The folder that was chosen, from the path of a file in it: `/m/net/a/b.bin` and `net/a/b.bin` give `/m/net`. */
export function folderPath(filePath: string, relativePath: string): string {
  return filePath.slice(0, filePath.length - relativePath.length) + topOf(relativePath)
}

// By what they say of themselves: Chrome gives their classes no name to compare with.
const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory

async function groupOf(entry: FileSystemEntry): Promise<UploadGroup> {
  const files: UploadGroup['files'] = []
  async function walk(current: FileSystemEntry, path: string): Promise<void> {
    if (isFile(current)) {
      const file = await new Promise<File>((resolve, reject) => current.file(resolve, reject))
      files.push({ path, file })
    } else if (isFolder(current)) {
      const reader = current.createReader()
      // A reader hands out its entries in parts, and an empty part at the end.
      for (;;) {
        const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
          reader.readEntries(resolve, reject),
        )
        if (part.length === 0) break
        for (const child of part) await walk(child, `${path}/${child.name}`)
      }
    }
  }
  await walk(entry, entry.name)
  return { name: entry.name, files }
}

/** Opens the system's dialog for files or a folder and imports what is chosen; `onChosen` hears of a choice. */
export function chooseAndImport(
  kind: 'file' | 'folder',
  options: ImportOptions = {},
  onChosen: () => void = () => undefined,
): void {
  const input = document.createElement('input')
  input.type = 'file'
  if (kind === 'folder') input.webkitdirectory = true
  else input.multiple = true
  input.addEventListener('change', () => {
    onChosen()
    void importChosen([...(input.files ?? [])], options)
  })
  input.click()
}
