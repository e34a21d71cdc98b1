import type { Role } from '../../../shared/contract'
import { ACTION_NAMES, ACTIONS, type Action, type ResourceType } from '../../../shared/domain/actions'

/** The one resource of type `System`. */
export const SYSTEM_ID = 'machine'

const ROLES: readonly Role[] = ['owner', 'operator', 'viewer', 'app']

/** What a policy can look at, by type of resource. */
const RESOURCES: Record<ResourceType, string> = {
  System: `/// The machine as a whole: System::"${SYSTEM_ID}".
entity System enum ["${SYSTEM_ID}"];`,
  Model: `/// A model by name: Model::"silero-vad".
entity Model;`,
  ModelRef: `/// A model as a job asks for it: ModelRef::"silero-vad@production". \`version\` is what the reference means
/// now, and absent while it means nothing.
entity ModelRef in [Model] { model: String, version?: Long };`,
  Dataset: `/// A data set by name: Dataset::"digits".
entity Dataset;`,
  Job: `/// \`owner\` is the id of the principal that submitted it.
entity Job { owner: String };`,
  Import: `/// \`owner\` is the id of the principal that began it.
entity Import { owner: String };`,
  Lease: `/// \`owner\` is the id of the principal that holds it.
entity Lease { owner: String };`,
}

function declareAction(action: Action): string {
  return `action "${action}" appliesTo { principal: [User, App], resource: [${ACTIONS[action]}] };`
}

/**
 * The Cedar schema, made from the actions the code knows, so that the two cannot drift apart. An owner is a string
 * (compare with `principal.id`) because an attribute of Cedar has one entity type, and owners have two.
 */
export const SCHEMA = `/// What a principal is trusted with: Role::"owner".
entity Role enum [${ROLES.map((role) => `"${role}"`).join(', ')}];
/// A person: User::"marie".
entity User in [Role] { id: String, name: String };
/// A program: App::"notes-app".
entity App in [Role] { id: String, name: String };
${Object.values(RESOURCES).join('\n')}

${ACTION_NAMES.map(declareAction).join('\n')}
`
