type Values = Readonly<Record<string, string | number>>

/** Texts by name; of one with `_one` and `_other`, `count` chooses. `{{name}}` stands for a value. */
export type Texts = Readonly<Record<string, string>>
/** The names by which texts are asked for. */
export type KeyOf<Table extends Texts> = keyof Table extends infer Key
  ? Key extends `${infer Stem}_${'one' | 'other'}`
    ? Stem
    : Key & string
  : never

/** A text in some language, filled with values. */
export type Say<Table extends Texts> = (key: KeyOf<Table>, values?: Values) => string

/** Says the texts of a table as i18next does in the window. */
export function sayFrom<Table extends Texts>(table: Table): Say<Table> {
  const texts: Texts = table
  return (key, values = {}) => {
    const plural = `${key}_${values['count'] === 1 ? 'one' : 'other'}`
    return fill(texts[key] ?? texts[plural] ?? key, values)
  }
}

/** Puts values in the place of their names. */
export function fill(text: string, values: Values): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name]))
}
