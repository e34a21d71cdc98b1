import { z } from 'zod'
import type { VendorDevice } from './nvidia'
import { normalAddress } from './pci'

export const ROCM_QUERY = [
  '--showid',
  '--showproductname',
  '--showuniqueid',
  '--showbus',
  '--showmeminfo',
  'vram',
  '--showdriverversion',
  '--json',
]

const Report = z.record(z.string(), z.record(z.string(), z.union([z.string(), z.number()])))

/**
 * Reads `rocm-smi --json` (ROCm 4 to 6): `{card0: {"Card Series": ..., "PCI Bus": ...}, system: {...}}`. The case of the
 * keys changed between releases, and warnings may stand before the JSON.
 */
export function parseRocmSmi(stdout: string): VendorDevice[] {
  const start = stdout.indexOf('{')
  if (start < 0) return []
  const report = Report.parse(JSON.parse(stdout.slice(start)))
  const driver = lowerKeys(report['system'] ?? {}).get('driver version')
  const devices: VendorDevice[] = []
  for (const [card, fields] of Object.entries(report)) {
    if (!/^card\d+$/.test(card)) continue
    const values = lowerKeys(fields)
    const address = normalAddress(values.get('pci bus') ?? '')
    const uniqueId = values.get('unique id')
    const memory = Number(values.get('vram total memory (b)'))
    devices.push({
      id: `gpu-${address ? address.replaceAll(':', '-') : (uniqueId ?? card)}`,
      kind: 'gpu',
      name: nameOf(values) ?? 'AMD GPU',
      vendor: 'AMD',
      capacity: { gpu: 1, ...(memory > 0 ? { gpuMemoryBytes: memory } : {}) },
      properties: {
        ...(address ? { pciAddress: address } : {}),
        ...(uniqueId ? { uuid: uniqueId } : {}),
        ...(driver ? { driverVersion: driver } : {}),
        ...(values.get('gfx version') ? { architecture: String(values.get('gfx version')) } : {}),
      },
      health: 'ok',
      foundBy: 'rocm-smi --json',
      address,
    })
  }
  return devices
}

// Some releases give the number of the board where the name should be.
function nameOf(values: Map<string, string>): string | undefined {
  return ['card series', 'device name', 'card model']
    .map((key) => values.get(key))
    .find((name) => name !== undefined && !/^0x[0-9a-f]+$/i.test(name))
}

function lowerKeys(fields: Record<string, string | number>): Map<string, string> {
  const values = new Map<string, string>()
  for (const [key, value] of Object.entries(fields)) {
    const text = String(value).trim()
    if (text !== '' && text !== 'N/A') values.set(key.trim().toLowerCase(), text)
  }
  return values
}
