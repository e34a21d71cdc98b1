import { createHash, randomFillSync } from 'node:crypto'

const VERSIONS = 40
const FILE_BYTES = 100_000_000
const CHANGED_BYTES = 1_000_000
const SMALLEST = 16 * 1024
const LARGEST = 256 * 1024
/** Cuts where the upper 16 bits of the hash are zero: 64 KiB on average (Xia et al., FastCDC, 2016). */
const MASK = 0xffff_0000

/**
 * What content-defined chunks would save of versions of one file that differ in a hundredth: by overwriting in place, as
 * training does, and by inserting. Nothing of it is in the product, which stores whole files.
 */
export async function run() {
  const gear = new Int32Array(randomFillSync(new Uint8Array(1024)).buffer)
  const rows = []
  for (const [what, change] of [
    ['overwritten in one place', overwrite],
    ['inserted in one place', insert],
  ]) {
    const seen = new Set()
    let storedBytes = 0
    let cutMs = 0
    let file = randomFillSync(Buffer.alloc(FILE_BYTES))
    for (let version = 0; version < VERSIONS; version++) {
      const start = performance.now()
      for (const chunk of chunksOf(file, gear)) {
        const digest = createHash('sha256').update(chunk).digest('base64')
        if (seen.has(digest)) continue
        seen.add(digest)
        storedBytes += chunk.length
      }
      cutMs += performance.now() - start
      file = change(file)
    }
    const whole = VERSIONS * FILE_BYTES
    rows.push([
      `${VERSIONS} versions of 100 MB, 1 MB ${what}`,
      `chunks of 64 KiB would take ${(storedBytes / 1e9).toFixed(2)} GB of ${whole / 1e9} GB (${(whole / storedBytes).toFixed(1)} times less), at ${Math.round(whole / 1e3 / cutMs)} MB/s in JavaScript`,
      '',
    ])
  }
  return rows
}

function overwrite(file) {
  const at = Math.floor(Math.random() * (file.length - CHANGED_BYTES))
  randomFillSync(file, at, CHANGED_BYTES)
  return file
}

function insert(file) {
  const at = Math.floor(Math.random() * (file.length - CHANGED_BYTES))
  const inserted = randomFillSync(Buffer.alloc(CHANGED_BYTES))
  return Buffer.concat([file.subarray(0, at), inserted, file.subarray(at)]).subarray(0, FILE_BYTES)
}

function* chunksOf(file, gear) {
  let begin = 0
  while (begin < file.length) {
    const end = Math.min(file.length, begin + LARGEST)
    let at = Math.min(end, begin + SMALLEST)
    for (let hash = 0; at < end; at++) {
      hash = ((hash << 1) + gear[file[at]]) | 0
      if ((hash & MASK) === 0) break
    }
    yield file.subarray(begin, at)
    begin = at
  }
}
