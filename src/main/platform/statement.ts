import type { CompiledQuery } from 'kysely'

/** Stands for a value that comes later. */
class Placeholder {
  readonly parameter: string
  constructor(parameter: string) {
    this.parameter = parameter
  }
}

/**
 * A query that is built and compiled once; each use only fills its values in. Building one anew takes ten times as long
 * as SQLite takes to run it, so whatever runs with every call is a statement.
 * @param build makes the query; `value('name')` marks where the parameter of that name goes
 */
export function statement<Parameters extends object, Row>(
  build: (value: <Name extends keyof Parameters & string>(name: Name) => Parameters[Name]) => {
    compile(): CompiledQuery<Row>
  },
): (parameters: Parameters) => { compile(): CompiledQuery<Row> } {
  const compiled = build((name) => new Placeholder(name) as never).compile()
  const slots = compiled.parameters.map((slot) =>
    slot instanceof Placeholder ? { name: slot.parameter as keyof Parameters } : { constant: slot },
  )
  return (parameters) => ({
    compile: () => ({
      ...compiled,
      parameters: slots.map((slot) =>
        'name' in slot ? parameters[slot.name as keyof Parameters] : slot.constant,
      ),
    }),
  })
}

/** A row in which each column is the parameter of its name. */
export function rowOfParameters<Row extends object>(
  columns: readonly (keyof Row & string)[],
  value: (name: keyof Row & string) => unknown,
): Row {
  return Object.fromEntries(columns.map((name) => [name, value(name)])) as Row
}
