import { expect, it } from 'vitest'
import { madeFromOf, originsOf } from './made-from'

it('offers every version by name, newest first, and gives what was chosen as the API takes it', () => {
  const models = originsOf('model', [
    { name: 'net', versions: [1, 10, 2] },
    { name: 'base', versions: [1] },
  ])
  expect(models.map(({ label }) => label)).toEqual(['base@1', 'net@10', 'net@2', 'net@1'])
  const [dataset] = originsOf('dataset', [{ name: 'net', versions: [1] }])
  const chosen = [models[1], dataset].flatMap((origin) => (origin ? [origin.value] : []))
  expect(madeFromOf(chosen)).toEqual({ models: ['net@10'], datasets: ['net@1'] })
})
