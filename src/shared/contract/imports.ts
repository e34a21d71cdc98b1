import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { listOf } from '../domain/bounded'
import { ModelName, NewVersionNumber } from '../domain/references'
import { FINDING_CODES } from '../findings'
import { ErrorBody, feedOf, Id, PageQuery, pageOf, procedure, Time } from './base'
import { MadeFrom } from './lineage'

export const Finding = z.object({
  severity: z.enum(['info', 'warn', 'reject']),
  code: z.enum(FINDING_CODES),
  message: z.string(),
  file: z.string(),
})
export type Finding = z.infer<typeof Finding>

/** What comes with the program: a data set and a model. */
export const Sample = z.enum(['greenhouse', 'digits'])
export type Sample = z.infer<typeof Sample>

export const Import = z.object({
  id: Id,
  state: z.enum(['running', 'waiting', 'completed', 'rejected', 'failed', 'cancelled']),
  /** What the person dropped, for display. */
  source: z.string(),
  bytesDone: z.number(),
  bytesTotal: z.number(),
  verdict: z.enum(['accept', 'warn', 'reject']).nullable(),
  findings: z.array(Finding),
  /** What the content is; null until it is inspected. */
  kind: z.enum(['model', 'dataset']).nullable(),
  /** What it would be called when nobody says otherwise; set once it is inspected. */
  suggestion: z
    .object({
      name: z.string(),
      family: z.string().nullable(),
      /** Null, as the family, for who may not read what is here under that name. */
      version: z.number().int().nullable(),
      /** Versions of any model that have the same bytes. */
      knownAs: z.array(z.object({ model: z.string(), version: z.number().int() })).default([]),
    })
    .nullable(),
  /** The data set, when completed and of that kind. */
  dataset: z.string().nullable(),
  /** The model, when completed and of that kind. */
  model: z.string().nullable(),
  version: z.number().nullable(),
  /** True when the bytes were already that version: nothing new was stored. */
  known: z.boolean(),
  error: ErrorBody.nullable(),
  createdAt: Time,
  finishedAt: Time.nullable(),
  createdBy: Id,
})
export type Import = z.infer<typeof Import>

/** What `storage/hub/address.ts` reads. */
export const HubAddress = z
  .string()
  .max(300)
  .regex(
    /^(?:https?:\/\/[^/\s]+\/)?[A-Za-z0-9][\w.-]{0,95}\/[\w.-]{1,96}(?:\/tree\/[^\s@?#]{1,100}|@[\w./-]{1,100})?\/?$/,
    'write OWNER/REPOSITORY, OWNER/REPOSITORY@REVISION, or its address on the Hub',
  )

/** What an import is to become; what nobody says is read from the files. */
const ToBecome = {
  name: ModelName.optional(),
  /** Greater than any that a version of that name has had; default: the next. */
  version: NewVersionNumber.optional(),
  madeFrom: MadeFrom.optional(),
}
/** Wait for a person's confirmation also when nothing is wrong: to change the name first. */
const Reviewed = { review: z.boolean().default(false) }

/** Uploads (multipart) and file downloads stream outside this contract, in `rpc/transports/rest.ts`, with the same authorisation. */
export const importsContract = {
  start: procedure('model.import_path', {
    method: 'POST',
    path: '/imports',
    successStatus: 202,
    summary: 'Import a model from a path of this machine (owner only), or multipart files',
    tags: ['storage'],
  })
    .input(
      z
        .object({
          path: z.string().min(1).max(4096),
          ...ToBecome,
          ...Reviewed,
        })
        .strict(),
    )
    .output(Import),
  startHub: procedure('model.import_path', {
    method: 'POST',
    path: '/imports/hub',
    successStatus: 202,
    summary: 'Download a repository of the Hugging Face Hub and import it',
    tags: ['storage'],
  })
    .input(
      z
        .object({
          repository: HubAddress,
          /** Only these paths or `*` patterns, for example `*Q4_K_M.gguf`; default: what one model needs. */
          files: listOf(z.string().min(1).max(300), { max: 100 }).optional(),
          ...ToBecome,
          ...Reviewed,
        })
        .strict(),
    )
    .output(Import),
  startSample: procedure('model.import', {
    method: 'POST',
    path: '/imports/sample',
    successStatus: 202,
    summary: 'Import one of the samples that come with the program, to have something to try',
    tags: ['storage'],
  })
    .input(z.object({ sample: Sample }).strict())
    .output(Import),
  list: procedure('model.list', {
    method: 'GET',
    path: '/imports',
    summary: 'Imports, newest first',
    tags: ['storage'],
  })
    .input(PageQuery)
    .output(pageOf(Import)),
  get: procedure('model.list', {
    method: 'GET',
    path: '/imports/{id}',
    summary: 'Progress and outcome of an import',
    tags: ['storage'],
  })
    .input(z.object({ id: Id.brand<'ImportId'>() }))
    .output(Import),
  cancel: procedure('import.cancel', {
    method: 'DELETE',
    path: '/imports/{id}',
    summary: 'Cancel an import',
    tags: ['storage'],
  })
    .input(z.object({ id: Id.brand<'ImportId'>() }))
    .output(Import),
  confirm: procedure('import.confirm', {
    method: 'POST',
    path: '/imports/{id}/confirm',
    summary: 'Accept a waiting import with its warnings, under its own or another name; people only, no apps',
    tags: ['storage'],
  })
    .input(
      z.object({
        id: Id.brand<'ImportId'>(),
        // What is said of its origin adds to what was said when it began.
        ...ToBecome,
        family: z.string().max(64).nullable().optional(),
      }),
    )
    .output(Import),
  watch: procedure('model.list', {
    method: 'GET',
    path: '/events/imports',
    summary: 'Imports as they change',
    tags: ['storage'],
  }).output(eventIterator(feedOf(Import))),
}
