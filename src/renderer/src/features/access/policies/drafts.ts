import { create } from 'zustand'

/** A policy as it is being written; kept while a person looks at another one. */
export interface Draft {
  id: string
  text: string
  description: string
}

/** The key of the policy that has no name yet; no id can be this. */
export const NEW = '+'

interface Drafts {
  drafts: ReadonlyMap<string, Draft>
  put(key: string, draft: Draft): void
  drop(key: string): void
}

/** What was typed and not saved, by the policy's id or {@link NEW}. */
export const useDrafts = create<Drafts>((set) => ({
  drafts: new Map(),
  put: (key, draft) => set(({ drafts }) => ({ drafts: new Map(drafts).set(key, draft) })),
  drop: (key) =>
    set(({ drafts }) => {
      const rest = new Map(drafts)
      rest.delete(key)
      return { drafts: rest }
    }),
}))
