import type { LeasedDevice } from './adapter'

/** By which libraries are told how many threads they may start: their own choice is one for each core of the machine. */
const THREAD_VARIABLES = [
  'OMP_NUM_THREADS',
  'OPENBLAS_NUM_THREADS',
  'MKL_NUM_THREADS',
  'BLIS_NUM_THREADS',
  'NUMEXPR_NUM_THREADS',
  'VECLIB_MAXIMUM_THREADS',
  'RAYON_NUM_THREADS',
  'TF_NUM_INTRAOP_THREADS',
]

export function threadVariables(threads: number): Record<string, string> {
  const most = String(Math.max(1, Math.floor(threads)))
  return {
    ...Object.fromEntries(THREAD_VARIABLES.map((name) => [name, most])),
    TF_NUM_INTEROP_THREADS: '1',
  }
}

/**
 * Lets the libraries of NVIDIA and AMD see the devices that a job has leased, the one that a worker is bound to first.
 * https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables
 * https://rocm.docs.amd.com/en/latest/conceptual/gpu-isolation.html
 */
export function deviceVariables(device: LeasedDevice | null): Record<string, string> {
  const uuids = device?.uuid ? [device.uuid, ...device.more] : []
  const seen = (vendor: RegExp) => (device && vendor.test(device.vendor) ? uuids : [])
  const amd = seen(/amd/i).map((uuid) => uuid.replace(/^0x/i, 'GPU-'))
  return {
    CUDA_VISIBLE_DEVICES: seen(/nvidia/i).join(','),
    // To HIP an empty list is no list, and what ROCR lets through is numbered anew.
    ROCR_VISIBLE_DEVICES: amd.join(',') || '-1',
    HIP_VISIBLE_DEVICES: [...amd.keys()].join(',') || '-1',
  }
}
