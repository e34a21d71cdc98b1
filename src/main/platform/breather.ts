/** Long work in turns: `await breathe()` lets others run when this turn has used its share. */
export function createBreather(budgetMs = 8): () => Promise<void> | undefined {
  let began = performance.now()
  return () => {
    if (performance.now() - began < budgetMs) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        began = performance.now()
        resolve()
      }),
    )
  }
}
