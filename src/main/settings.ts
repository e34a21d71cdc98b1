import type { Migration } from 'kysely'
import { z } from 'zod'
import { Settings } from '../shared/contract'
import { AppError } from '../shared/errors'
import type { Database } from './platform/database'

const Names = z.array(z.string())

interface Tables {
  setting: { key: string; value: string }
}

export const settingsMigrations: Record<string, Migration> = {
  '0000-settings': {
    async up(db) {
      await db.schema
        .createTable('setting')
        .addColumn('key', 'text', (column) => column.primaryKey().notNull())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute()
    },
  },
}

export const DEFAULT_SETTINGS: Settings = {
  apiPort: 7440,
  engineIdleMs: 10 * 60_000,
  reservedMemoryBytes: 1_000_000_000,
  hubUrl: 'https://huggingface.co',
  pythonPath: '',
  runsTogether: true,
  staysInTray: false,
}

export interface SettingsStore {
  get(): Settings
  update(change: Partial<Settings>): Settings
  /** Endpoints that a person switched off. */
  switchedOff: { has(id: string): boolean; set(id: string, off: boolean): void }
}

/** Settings are few and small: one row each, as JSON; a value that does not parse any more counts as not set. */
export function createSettings(database: Database): SettingsStore {
  const query = database.builder<Tables>()
  const off = readSwitchedOff()
  let settings = load()

  function read(key: string): string | undefined {
    return database.first(query.selectFrom('setting').select('value').where('key', '=', key))?.value
  }

  /** Not as below: a damaged list must not open what a person switched off. */
  function readSwitchedOff(): Set<string> {
    const text = read('endpointsOff')
    const names = Names.safeParse(text === undefined ? [] : parseJson(text))
    if (names.success) return new Set(names.data)
    const message =
      'The list of endpoints that are switched off cannot be read. Remove the row "endpointsOff" of the table "setting", and switch off again what is to be off.'
    throw new AppError('storage.corrupt', message, { setting: 'endpointsOff' })
  }

  function write(key: string, value: unknown): void {
    const text = JSON.stringify(value)
    database.run(
      query
        .insertInto('setting')
        .values({ key, value: text })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: text })),
    )
  }

  function load(): Settings {
    const stored: Record<string, unknown> = {}
    for (const [key, schema] of Object.entries(Settings.shape)) {
      const value = parseJson(read(key))
      if (schema.safeParse(value).success) stored[key] = value
    }
    return Settings.parse({ ...DEFAULT_SETTINGS, ...stored })
  }

  return {
    get: () => settings,
    update(change) {
      const next = Settings.parse({ ...settings, ...change })
      database.transaction(() => {
        for (const [key, value] of Object.entries(next)) if (Object.hasOwn(change, key)) write(key, value)
      })
      settings = next
      return next
    },
    switchedOff: {
      has: (id) => off.has(id),
      set(id, isOff) {
        if (isOff) off.add(id)
        else off.delete(id)
        write('endpointsOff', [...off])
      },
    },
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined // written by hand; the default stands
  }
}
