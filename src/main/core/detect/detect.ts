import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../../platform/logger'
import type { Detection } from '../host'
import { scanAccel, scanFpgaManagers } from './accelerators'
import { parseRocmSmi, ROCM_QUERY } from './amd'
import { PROFILER_QUERY, parseSystemProfiler } from './apple'
import type { Confinement } from './cgroup'
import { detectCpu } from './cpu'
import { mergeDevices } from './merge'
import { withNumaNodes } from './numa'
import { hasMigDevices, NVIDIA_LIST, NVIDIA_QUERY, parseNvidiaSmi, type VendorDevice } from './nvidia'
import { readPciNames, scanPci } from './pci'
import { runTool, type ToolOutcome } from './run-tool'
import { parseXbutil } from './xilinx'

const XRT_FOLDERS = ['/opt/xilinx/xrt/bin']

/** Looks at this machine, all sources at once; takes as long as the slowest tool, 5 s at most. */
export async function detectDevices(confinement: Confinement, logger: Logger): Promise<Detection> {
  const linux = process.platform === 'linux'
  const failedTools: string[] = []
  const read = (
    tool: string,
    outcome: ToolOutcome,
    parse: (stdout: string) => VendorDevice[],
  ): VendorDevice[] => {
    if (outcome.state === 'absent') return []
    try {
      if (outcome.state === 'answered') return parse(outcome.stdout)
      logger.warn({ tool, why: outcome.why }, 'A device tool gave no answer.')
    } catch (error) {
      logger.warn({ tool, err: error }, 'The answer of a device tool could not be read.')
    }
    failedTools.push(tool)
    return []
  }

  const [cpu, bus, names, nvidia, amd, xilinx, apple, managers, accel] = await Promise.all([
    detectCpu(confinement),
    linux ? scanPci() : [],
    linux ? readPciNames() : null,
    askNvidia(),
    linux ? runTool('rocm-smi', ROCM_QUERY, ['/opt/rocm/bin']) : absent,
    linux ? examineXrt() : { tool: 'xbutil', outcome: absent },
    process.platform === 'darwin' ? runTool('system_profiler', PROFILER_QUERY, ['/usr/sbin']) : absent,
    linux ? scanFpgaManagers() : [],
    linux ? scanAccel() : [],
  ])
  const vendors = [
    ...read('nvidia-smi', nvidia.report, (xml) => parseNvidiaSmi(xml, nvidia.list)),
    ...read('rocm-smi', amd, parseRocmSmi),
    ...read(xilinx.tool, xilinx.outcome, (json) => parseXbutil(json, xilinx.tool)),
    ...read('system_profiler', apple, parseSystemProfiler),
    ...managers,
    ...accel,
  ]
  const devices = [cpu, ...mergeDevices(bus, vendors, names, failedTools)]
  return { devices: linux ? await withNumaNodes(devices) : devices, failedTools }
}

const absent: ToolOutcome = { state: 'absent' }

async function askNvidia(): Promise<{ report: ToolOutcome; list: string }> {
  const report = await runTool('nvidia-smi', NVIDIA_QUERY)
  if (report.state !== 'answered' || !hasMigDevices(report.stdout)) return { report, list: '' }
  const list = await runTool('nvidia-smi', NVIDIA_LIST)
  return { report, list: list.state === 'answered' ? list.stdout : '' }
}

/** XRT prints JSON to a file only (https://github.com/Xilinx/XRT/issues/6029). */
async function examineXrt(): Promise<{ tool: string; outcome: ToolOutcome }> {
  for (const tool of ['xbutil', 'xrt-smi']) {
    const file = join(tmpdir(), `llmagentos-${randomBytes(8).toString('hex')}.json`)
    try {
      const outcome = await runTool(
        tool,
        ['examine', '--format', 'JSON', '--output', file, '--force'],
        XRT_FOLDERS,
      )
      if (outcome.state === 'absent') continue
      if (outcome.state === 'failed') return { tool, outcome }
      return { tool, outcome: { state: 'answered', stdout: await readFile(file, 'utf8') } }
    } catch {
      return { tool, outcome: { state: 'failed', why: 'it wrote no report' } }
    } finally {
      await rm(file, { force: true })
    }
  }
  return { tool: 'xbutil', outcome: absent }
}
