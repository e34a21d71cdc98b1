import type { Import } from '../../shared/contract'
import type { Action } from '../../shared/domain/actions'
import { ACTIONS } from '../../shared/domain/actions'
import type { KeyId, PipelineId, PrincipalId } from '../../shared/domain/ids'
import { parseModelReference } from '../../shared/domain/references'
import { type Caller, type Resource, THE_SYSTEM } from '../security'
import type { Bringer } from '../storage'
import type { Modules } from './modules'
import { datasetResource, importResource, JOBS_OF_ALL, modelReferences } from './resources'
import { isTheirImport } from './visible'

/** One thing that must be allowed before a procedure runs. */
export interface Requirement {
  action: Action
  resource: Resource
}

/** What lets a job run that was submitted before. */
const RUNS_AGAIN: ReadonlySet<string> = new Set(['retry', 'resume'])

/**
 * What a call needs. Running a model is `model.run` on the reference as asked for, whether by a new job or by trying an
 * old one again or resuming it, which needs what submitting it needed, as renewing a lease needs what requesting it needed;
 * `job.submit` is for jobs without a model. A job that reads a data set needs `dataset.read`, one whose results
 * become a data set `dataset.manage`. What shows how others use the machine needs the right to read all jobs.
 * @param input as parsed by the contract
 */
export function requirementsOf(
  modules: Modules,
  caller: Caller,
  action: Action,
  path: readonly string[],
  input: unknown,
): Requirement[] {
  const fields = fieldsOf(input)
  if (showsOthers(modules, caller, path, fields))
    return [
      { action, resource: THE_SYSTEM },
      { action: 'job.read', resource: JOBS_OF_ALL },
    ]
  if (path.at(-1) === 'setPassword' && fields['id'] === caller.principal)
    return [{ action: 'password.change', resource: THE_SYSTEM }]
  if (action === 'job.submit') return requirementsOfJobs(modules, submissionsOf(fields))
  switch (ACTIONS[action]) {
    case 'Model':
      return [
        { action, resource: { type: 'Model', id: String(fields['name']) } },
        ...requirementsOfArchitecture(modules, fields['architecture']),
      ]
    case 'Dataset':
      return [{ action, resource: datasetResource(String(fields['name'])) }]
    case 'Job': {
      if (path[1] === 'pipelines') return requirementsOfPipeline(modules, action, path, String(fields['id']))
      const job = modules.compute.get(String(fields['id']))
      const own: Requirement = {
        action,
        resource: { type: 'Job', id: job.id, owner: job.principal as PrincipalId },
      }
      if (path.at(-1) === 'saveDataset') {
        return [own, { action: 'dataset.manage', resource: datasetResource(String(fields['name'])) }]
      }
      if (!RUNS_AGAIN.has(String(path.at(-1)))) return [own]
      const { model, dataset, dependsOn } = job
      // The copy is its caller's, who can read what comes of the inputs.
      const reads: Requirement[] = path.at(-1) === 'retry' ? [{ ...own, action: 'job.read' }] : []
      return [own, ...reads, ...requirementsOfJobs(modules, [{ model, dataset, dependsOn }])]
    }
    case 'Import': {
      const confirmed = path.at(-1) === 'confirm' ? requirementsOfConfirmation(modules, fields) : []
      return [
        { action, resource: importResource(modules, String(fields['id'])) },
        ...confirmed,
        ...requirementsOfOrigins(modules, fields['madeFrom']),
      ]
    }
    case 'Lease': {
      const lease = modules.core.getLease(String(fields['id']))
      const own: Requirement = {
        action,
        resource: { type: 'Lease', id: lease.id, owner: lease.holder as PrincipalId },
      }
      return path.at(-1) === 'renew' ? [own, { action: 'lease.request', resource: THE_SYSTEM }] : [own]
    }
    default:
      return [{ action, resource: THE_SYSTEM }, ...requirementsOfOrigins(modules, fields['madeFrom'])]
  }
}

const QUOTAS: ReadonlySet<string> = new Set(['core.quotas.get', 'storage.quotas.get'])

/**
 * What a principal uses of its limits tells what it runs, an import which models it has, and what-if runs the jobs of
 * everybody again.
 */
function showsOthers(modules: Modules, caller: Caller, path: readonly string[], fields: Fields): boolean {
  const procedure = path.join('.')
  if (procedure === 'storage.imports.get')
    return !isTheirImport(modules, caller, modules.storage.getImport(String(fields['id'])))
  return procedure === 'compute.whatIf' || (QUOTAS.has(procedure) && fields['principal'] !== caller.principal)
}

/** Whether a call needs the jobs: what says what a version was made from may name one. */
export function asksForJobs(path: readonly string[], input: unknown): boolean {
  return path[0] === 'compute' || fieldsOf(input)['madeFrom'] !== undefined
}

/** Who says what a version was made from must be allowed to read that. @throws AppError for a job that is not there */
export function requirementsOfOrigins(modules: Modules, madeFrom: unknown): Requirement[] {
  const { models, datasets, job } = fieldsOf(madeFrom)
  const names = (references: unknown) =>
    (Array.isArray(references) ? references : []).flatMap(
      (reference) => parseModelReference(String(reference))?.name ?? [],
    )
  const reads: Requirement[] = [
    ...names(models).map((id): Requirement => ({ action: 'model.read', resource: { type: 'Model', id } })),
    ...names(datasets).map(
      (name): Requirement => ({ action: 'dataset.read', resource: datasetResource(name) }),
    ),
  ]
  if (typeof job !== 'string') return each(reads)
  const owner = modules.compute.get(job).principal as PrincipalId
  return each([...reads, { action: 'job.read', resource: { type: 'Job', id: job, owner } }])
}

/** Weights run in the graph of another version: who names it must be allowed to read its model, and to run it. */
function requirementsOfArchitecture(modules: Modules, reference: unknown): Requirement[] {
  if (typeof reference !== 'string') return []
  return [
    ...requirementsOfOrigins(modules, { models: [reference] }),
    ...requirementsToRun(modules, reference),
  ]
}

/** Whether who brings a manifest may name a version by it, as they may by a call with the same key. */
export function mayName(
  modules: Modules,
  by: Bringer,
  as: 'model' | 'dataset' | 'architecture',
  reference: string,
): boolean {
  const needs =
    as === 'architecture'
      ? requirementsOfArchitecture(modules, reference)
      : requirementsOfOrigins(modules, { [`${as}s`]: [reference] })
  const caller = { principal: by.principal, key: by.key as KeyId | null }
  return needs.every(({ action, resource }) => modules.security.allows(caller, action, resource))
}

/**
 * Only a denial is recorded: that the import was allowed is on record.
 * @throws AppError `security.denied` when who brings a version may not manage the model or data set that is there already
 */
export function assertMayManage(
  { security }: Pick<Modules, 'security'>,
  by: Bringer,
  kind: 'model' | 'dataset',
  name: string,
): void {
  const { action, resource } = requirementToManage(kind, name)
  const caller = { principal: by.principal, key: by.key as KeyId | null }
  if (security.allows(caller, action, resource)) return
  const asCaller = { ...caller, name: by.principal, via: 'system' as const }
  security.authorize(asCaller, action, resource, `brought a version of ${name}`)
}

function requirementToManage(kind: 'model' | 'dataset', name: string): Requirement {
  return kind === 'model'
    ? { action: 'model.manage', resource: { type: 'Model', id: name } }
    : { action: 'dataset.manage', resource: datasetResource(name) }
}

/** Who confirms an import adds to what is there under the name that it gets, or changes its family. */
function requirementsOfConfirmation(modules: Modules, { id, name }: Fields): Requirement[] {
  const { kind, suggestion } = modules.storage.getImport(String(id))
  const named = name ?? suggestion?.name
  if (kind === null || typeof named !== 'string' || !modules.storage.isTaken(kind, named)) return []
  return [requirementToManage(kind, named)]
}

/** The jobs of a submission: those of a pipeline, or the one. */
function submissionsOf(fields: Fields): Fields[] {
  return Array.isArray(fields['jobs']) ? fields['jobs'].map(fieldsOf) : [fields]
}

/** Each once: what the jobs of a pipeline have in common is decided, and recorded, as one. */
function each(requirements: readonly Requirement[]): Requirement[] {
  const byKey = new Map(
    requirements.map((need) => {
      const { type, id, version } = need.resource
      return [`${need.action} ${type} ${id} ${version}`, need]
    }),
  )
  return [...byKey.values()]
}

function requirementsToRun(modules: Modules, model: unknown): Requirement[] {
  return typeof model === 'string'
    ? modelReferences(modules, model).map((resource) => ({ action: 'model.run', resource }))
    : [{ action: 'job.submit', resource: THE_SYSTEM }]
}

/**
 * Running their models, reading their data sets, and reading the jobs whose results they take or whose end they wait for.
 * What many of them name is looked up once.
 */
function requirementsOfJobs(modules: Modules, jobs: readonly Fields[]): Requirement[] {
  const named = (field: string) => [...new Set(jobs.map((job) => job[field]))]
  return each([
    ...named('model').flatMap((model) => requirementsToRun(modules, model)),
    ...named('dataset').flatMap(requirementsToRead),
    ...jobs.flatMap((job) => (job['key'] === undefined ? othersOf(modules, job) : [])),
  ])
}

function requirementsToRead(reference: unknown): Requirement[] {
  const dataset = typeof reference === 'string' ? parseModelReference(reference) : null
  return dataset ? [{ action: 'dataset.read', resource: datasetResource(dataset.name) }] : []
}

function othersOf(modules: Modules, job: Fields): Requirement[] {
  const named = [job['items'], job['prompt'], ...Object.values(fieldsOf(job['inputs']))].map(
    (value) => fieldsOf(value)['fromJob'],
  )
  const ids = new Set([...(Array.isArray(job['dependsOn']) ? job['dependsOn'] : []), ...named])
  const known = [...ids].filter((id) => typeof id === 'string')
  const owners = modules.compute.ownersOf(known)
  return known.map((id) => ({ action: 'job.read', resource: { type: 'Job', id, owner: owners.get(id) } }))
}

function requirementsOfPipeline(
  modules: Modules,
  action: Action,
  path: readonly string[],
  id: string,
): Requirement[] {
  const owner = modules.compute.pipelineOwner(id as PipelineId)
  const own: Requirement = { action, resource: { type: 'Job', id, owner } }
  if (path.at(-1) !== 'retry') return [own]
  const uses = modules.compute.pipelineUses(id as PipelineId)
  const reads: Requirement = { action: 'job.read', resource: own.resource }
  return [
    own,
    reads,
    ...requirementsOfJobs(
      modules,
      uses.map((use) => ({ ...use, key: '' })),
    ),
  ]
}

/** What a call does, to follow its caller's name in the audit log; undefined where action and resource say it all. */
export function summaryOf(
  modules: { storage: Pick<Modules['storage'], 'getImport'> },
  path: readonly string[],
  input: unknown,
): string | undefined {
  const fields = fieldsOf(input)
  const text = (name: string) => String(fields[name])
  switch (path.join('.')) {
    case 'storage.models.setAlias':
      return `pointed the alias ${text('alias')} of ${text('name')} to version ${text('version')}`
    case 'storage.models.removeAlias':
      return `removed the alias ${text('alias')} of ${text('name')}`
    case 'storage.models.removeVersion':
      return `deleted version ${text('version')} of ${text('name')}`
    case 'storage.models.setCanary':
      return fields['canary'] === null
        ? `stopped the canary of the alias ${text('alias')} of ${text('name')}`
        : `sent ${percentOf(fieldsOf(fields['canary'])['weight'])} of the alias ${text('alias')} of ${text('name')} to version ${fieldsOf(fields['canary'])['version']}`
    case 'storage.models.promoteCanary':
      return `promoted the canary of the alias ${text('alias')} of ${text('name')}`
    case 'storage.models.rollBack':
      return `rolled back the alias ${text('alias')} of ${text('name')}`
    case 'storage.imports.start':
      return `imported ${text('path')}`
    case 'storage.imports.startHub':
      return `imported ${text('repository')} from the Hub`
    case 'storage.imports.startSample':
      return `imported the sample ${text('sample')}`
    case 'storage.imports.confirm':
      return confirmation(modules.storage.getImport(text('id')), fields['name'])
    case 'storage.imports.cancel':
      return `cancelled the import of ${modules.storage.getImport(text('id')).source} (${text('id')})`
    case 'compute.jobs.submit':
      return fields['model'] === undefined
        ? `submitted a ${text('kind')} job`
        : `submitted a job (${text('kind')}) for ${text('model')}`
    case 'compute.pipelines.submit':
      return `submitted the pipeline ${text('name')} of ${submissionsOf(fields).length} jobs`
    case 'compute.pipelines.cancel':
    case 'compute.pipelines.retry':
      return `asked to ${String(path.at(-1))} the pipeline ${text('id')}`
    case 'compute.jobs.saveDataset':
      return `kept the results of ${text('id')} as the data set ${text('name')}`
    case 'compute.jobs.update':
      return `set the priority of ${text('id')} to ${text('priority')}`
    case 'compute.whatIf':
      return 'asked how the jobs of all would go on another machine'
    case 'core.quotas.get':
      return `looked at the limits of ${text('principal')}`
    case 'compute.plugins.allow':
      return `allowed the runtime ${text('id')} with the files ${text('digest').slice(0, 12)}`
    case 'compute.plugins.disallow':
      return `disallowed the runtime ${text('id')}`
    case 'security.principals.create':
      return `added the ${text('kind')} ${text('name')}`
    case 'security.policies.set':
      return `saved the policy ${text('id')}`
    case 'security.policies.remove':
      return `removed the policy ${text('id')}`
    case 'security.keys.create':
      return `made a key for ${text('id')}`
    case 'security.keys.revoke':
      return `revoked the key ${text('id')}`
    case 'security.principals.remove':
      return `removed ${text('id')}`
    case 'security.principals.setPassword':
      return `asked to set the password of ${text('id')}`
    default: {
      const [verb, id] = [path.at(-1), fields['id']]
      return path[0] === 'compute' && path[1] === 'jobs' && id !== undefined
        ? `asked to ${verb} ${text('id')}`
        : undefined
    }
  }
}

/** What was confirmed, under which name, and in spite of what: the record of a person's decision. */
function confirmation({ id, source, suggestion, findings }: Import, name: unknown): string {
  const warnings = new Set(findings.flatMap(({ severity, code }) => (severity === 'warn' ? [code] : [])))
  const said = `confirmed the import of ${source} (${id}) as ${name ?? suggestion?.name ?? source}`
  return warnings.size === 0 ? said : `${said} in spite of ${[...warnings].join(', ')}`
}

function percentOf(share: unknown): string {
  return `${Number((Number(share) * 100).toFixed(2))}%`
}

type Fields = Record<string, unknown>

function fieldsOf(input: unknown): Fields {
  return (typeof input === 'object' && input !== null ? input : {}) as Fields
}
