import { AppError } from '../../../shared/errors'

/** A repository of a hub at some revision. */
export interface HubRepository {
  /** `OWNER/NAME`. */
  name: string
  /** A branch, tag or commit. */
  revision: string
  /** Without a slash at its end. */
  hubUrl: string
}

/**
 * Reads `OWNER/NAME`, `OWNER/NAME@REVISION`, or the address of its page; a page of another host names its mirror.
 * @throws AppError `system.invalid`
 */
export function parseHubAddress(text: string, hubUrl: string): HubRepository {
  const match =
    /^(?:(https?:\/\/[^/\s]+)\/)?([\w.-]+\/[\w.-]+?)(?:\/tree\/([^\s@?#]+?)|@([\w./-]+))?\/?$/.exec(
      text.trim(),
    )
  const [, host, name, tree, at] = match ?? []
  if (!name || name.split('/').some((part) => part === '.' || part === '..')) {
    throw new AppError(
      'system.invalid',
      `"${text.slice(0, 100)}" names no repository. Write OWNER/NAME, OWNER/NAME@REVISION, or the address of its page.`,
      { field: 'repository' },
    )
  }
  const isHub = host === undefined || /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)$/.test(host)
  return { name, revision: tree ?? at ?? 'main', hubUrl: (isHub ? hubUrl : host).replace(/\/+$/, '') }
}
