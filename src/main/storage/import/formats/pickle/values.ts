/** What a pickle would build, as far as it must be known to judge it: nothing of it is ever executed. */
export type PickleValue =
  | { kind: 'text'; text: string }
  /** Truth values are 0 and 1, as they are in Python. */
  | { kind: 'number'; number: number }
  /** None, bytes, and all else whose content decides nothing. */
  | { kind: 'plain' }
  | { kind: 'global'; module: string; name: string }
  | { kind: 'tuple'; items: PickleValue[] }
  | { kind: 'list'; items: PickleValue[] }
  | { kind: 'dict'; entries: Map<string, PickleValue> }
  /** An object of an allowed class, and the state it is given. */
  | { kind: 'object'; of: string; args: PickleValue[]; state: PickleValue | null }
  /** What an archive keeps beside the pickle. */
  | { kind: 'persistent'; id: PickleValue }

export const PLAIN: PickleValue = { kind: 'plain' }
