import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Reading } from './host'

/**
 * One AMD GPU from what amdgpu writes into `/sys`: no tool to start each second.
 * https://docs.kernel.org/gpu/amdgpu/driver-misc.html (`gpu_busy_percent`, `mem_info_vram_used`) and hwmon.
 */
export async function readAmdGpu(
  address: string,
  root = '/sys/bus/pci/devices',
): Promise<Omit<Reading, 'device'> | null> {
  const folder = join(root, address)
  const [busy, used, total] = await Promise.all(
    ['gpu_busy_percent', 'mem_info_vram_used', 'mem_info_vram_total'].map((name) =>
      readNumber(join(folder, name)),
    ),
  )
  if (total === null || total === undefined || used === null || used === undefined) return null
  const [sensor] = await readdir(join(folder, 'hwmon')).catch(() => [])
  const hwmon = sensor === undefined ? null : join(folder, 'hwmon', sensor)
  // Millidegrees and microwatts.
  const temperature = hwmon === null ? null : await readNumber(join(hwmon, 'temp1_input'))
  const power = hwmon === null ? null : await readNumber(join(hwmon, 'power1_average'))
  return {
    load: Math.min(1, (busy ?? 0) / 100),
    memoryUsedBytes: used,
    memoryTotalBytes: total,
    ...(temperature === null ? {} : { temperatureC: temperature / 1000 }),
    ...(power === null ? {} : { powerW: power / 1e6 }),
  }
}

async function readNumber(path: string): Promise<number | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const value = Number(text.trim())
  return text.trim() !== '' && Number.isFinite(value) ? value : null
}
