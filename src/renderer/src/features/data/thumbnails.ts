import { fromBase64 } from '@shared/domain/base64'
import { useEffect, useState } from 'react'
import { getClient, useConnection } from '../../lib/client'
import { toErrorView } from '../../lib/errors'

const MOST = 300
/** Requests under way at once: each brings a whole image. */
const AT_ONCE = 4
/** Device pixels of the shorter side, enough for a sharp thumbnail on a dense screen. */
const SIDE = 112

/** Object URLs of thumbnails by what they show, the longest unused first. */
const known = new Map<string, string>()
const waiting: (() => void)[] = []
let underWay = 0

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (underWay >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  underWay++
  try {
    return await work()
  } finally {
    underWay--
    waiting.shift()?.()
  }
}

function remember(key: string, url: string): void {
  known.set(key, url)
  for (const [oldest, old] of known) {
    if (known.size <= MOST) break
    known.delete(oldest)
    URL.revokeObjectURL(old)
  }
}

/** A small copy, so that hundreds of photos do not fill the memory; null of what cannot be made one. */
async function shrunk(image: Blob): Promise<Blob | null> {
  const bitmap = await createImageBitmap(image).catch(() => null)
  if (!bitmap) return null
  try {
    const scale = Math.min(1, SIDE / Math.min(bitmap.width, bitmap.height))
    const canvas = new OffscreenCanvas(
      Math.max(1, Math.round(bitmap.width * scale)),
      Math.max(1, Math.round(bitmap.height * scale)),
    )
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
    return await canvas.convertToBlob({ type: 'image/webp' })
  } catch {
    // One that is very long and narrow is larger than the format allows.
    return null
  } finally {
    bitmap.close()
  }
}

/** @returns its address; null when it cannot be shown */
async function thumbnailOf(
  name: string,
  version: number,
  path: string,
  signal: AbortSignal,
): Promise<string | null> {
  const { base64, mediaType } = await inTurn(async () => {
    signal.throwIfAborted()
    return getClient().datasets.image({ name, version, path }, { signal })
  })
  const bytes = fromBase64(base64) ?? new Uint8Array()
  const small = await shrunk(new Blob([new Uint8Array(bytes)], { type: mediaType }))
  return small && URL.createObjectURL(small)
}

/** The address of a thumbnail; null until it is there, `missing` for what cannot be shown. */
export function useThumbnail(name: string, version: number, path: string): string | null | 'missing' {
  const key = `${name}@${version}/${path}`
  const [shown, setShown] = useState<{ key: string; url: string } | null>(null)
  const url = known.get(key)
  const epoch = useConnection((state) => state.epoch)
  // biome-ignore lint/correctness/useExhaustiveDependencies: what a connection that broke did not bring is asked of the next one
  useEffect(() => {
    if (url !== undefined) return
    const stop = new AbortController()
    thumbnailOf(name, version, path, stop.signal).then(
      (made) => {
        if (made !== null) remember(key, made)
        if (!stop.signal.aborted) setShown({ key, url: made ?? 'missing' })
      },
      (error: unknown) => {
        if (stop.signal.aborted || toErrorView(error).code === 'offline') return
        // Too large, damaged or gone: the name of the file stands beside it and says which one.
        setShown({ key, url: 'missing' })
      },
    )
    return () => stop.abort()
  }, [url, key, name, version, path, epoch])
  return url ?? (shown?.key === key ? shown.url : null)
}
