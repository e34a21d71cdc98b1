import { z } from 'zod'
import type { VendorDevice } from './nvidia'

export const PROFILER_QUERY = ['SPDisplaysDataType', '-json']

const Report = z.object({
  SPDisplaysDataType: z.array(
    z.object({
      _name: z.string().optional(),
      sppci_model: z.string().optional(),
      sppci_cores: z.string().optional(),
      sppci_device_type: z.string().optional(),
      spdisplays_vendor: z.string().optional(),
      spdisplays_vram: z.string().optional(),
    }),
  ),
})

const UNITS: Record<string, number> = { MB: 1024 ** 2, GB: 1024 ** 3 }

/**
 * Reads `system_profiler SPDisplaysDataType -json`. The GPU of Apple silicon has no memory of its own: it shares the
 * host's, which its CPU device already counts.
 */
export function parseSystemProfiler(json: string): VendorDevice[] {
  return Report.parse(JSON.parse(json)).SPDisplaysDataType.flatMap((item, index) => {
    if (item.sppci_device_type && item.sppci_device_type !== 'spdisplays_gpu') return []
    const name = item.sppci_model ?? item._name
    if (!name) return []
    const [, size, unit = ''] = item.spdisplays_vram?.match(/^(\d+) (MB|GB)$/) ?? []
    const memory = size ? Number(size) * (UNITS[unit] ?? 0) : 0
    return {
      id: `gpu-${index}`,
      kind: 'gpu' as const,
      name,
      vendor: item.spdisplays_vendor?.replace(/^sppci_vendor_/, '').replace(/ \(0x[0-9a-f]+\)$/i, '') ?? '',
      capacity: { gpu: 1, ...(memory > 0 ? { gpuMemoryBytes: memory } : {}) },
      properties: {
        ...(item.sppci_cores ? { gpuCores: Number(item.sppci_cores) } : {}),
        ...(memory > 0 ? {} : { sharedMemory: true }),
      },
      health: 'ok' as const,
      foundBy: 'system_profiler SPDisplaysDataType',
      address: null,
    }
  })
}
