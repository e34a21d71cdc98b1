import { join } from 'node:path'
import type { Sample } from '../shared/contract'

const FILES: Record<Sample, string> = { greenhouse: 'greenhouse.csv', digits: 'digits.onnx' }

/** Where a sample lies that comes with the program. */
export function samplePath(resourcesDir: string, sample: Sample): string {
  return join(resourcesDir, 'samples', FILES[sample])
}
