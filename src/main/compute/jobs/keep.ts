/** So many are kept of what is learned of kinds of jobs, those that were written last. */
const MOST_KEPT = 20_000

/** Sets a value, and forgets the one that has not been set for longest when there are too many. */
export function keep<Value>(values: Map<string, Value>, key: string, value: Value, most = MOST_KEPT): void {
  values.delete(key)
  values.set(key, value)
  if (values.size <= most) return
  const [oldest] = values.keys()
  if (oldest !== undefined) values.delete(oldest)
}
