import { z } from 'zod'

/**
 * How the devices of one need lie to each other. A need that no set of devices could give in this way is impossible; one
 * that could, waits.
 */
export const PlaceHints = z
  .object({
    devices: z
      .enum(['same', 'spread'])
      .optional()
      .describe(
        'same: none of its resources is divided among devices. spread: of n GPUs, NPUs, FPGAs or custom resources no device gives more than n over the number of devices that have such, rounded up',
      ),
    numaNode: z
      .union([z.literal('same'), z.number().int().min(0).max(1023)])
      .optional()
      .describe(
        'All its devices are on one NUMA node, or on this one. A CPU that is one device over several nodes is on each of them; a device of which no node is known is on none',
      ),
  })
  .strict()
export type PlaceHints = z.infer<typeof PlaceHints>

/** In words, for a message: `on one device and on NUMA node 1`; empty where there is nothing to say. */
export function hintsInWords({ devices, numaNode }: PlaceHints): string {
  return [
    ...(devices === 'same'
      ? ['each on one device']
      : devices === 'spread'
        ? ['spread over all devices']
        : []),
    ...(numaNode === undefined
      ? []
      : [numaNode === 'same' ? 'on one NUMA node' : `on NUMA node ${numaNode}`]),
  ].join(' and ')
}
