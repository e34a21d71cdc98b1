import { resolve } from 'node:path'

/** Where the models and hostile files for tests lie. */
export const FIXTURES = resolve(import.meta.dirname, '../../../../fixtures')
