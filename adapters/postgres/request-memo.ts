/**
 * What one request has read and has yet to write.
 *
 * A token row brings its grant and account along, so that the library's next questions cost no round trip; writes of a
 * token request are collected and go out together. Forgotten with the request.
 */
import type { Selectable } from 'kysely'
import type { ArtifactRecord, NewArtifact, Spend } from './artifacts.ts'
import type { AccountRow } from './schema.ts'

export interface Memo {
  writes: NewArtifact[]
  spend: Spend | undefined
  /** The browser session that the request found. */
  sessionUid: string | undefined
  /** Reads an artifact once per request, also when asked several times at once. */
  artifact(
    idHash: string,
    find: (idHash: string) => Promise<ArtifactRecord | undefined>,
  ): Promise<ArtifactRecord | undefined>
  remember(record: ArtifactRecord): void
  grant(id: string): Record<string, unknown> | undefined
  account(id: string): Selectable<AccountRow> | undefined
  successorHash(idHash: string): string | undefined
  /** The model of a row that this request presented although it was spent. */
  spentModel(): string | undefined
}

export function requestMemo(): { of(key: object): Memo; forget(key: object): void } {
  const memos = new WeakMap<object, Memo>()
  return {
    of(key) {
      const known = memos.get(key)
      if (known !== undefined) return known
      const created = memo()
      memos.set(key, created)
      return created
    },
    forget: (key) => void memos.delete(key),
  }
}

function memo(): Memo {
  const artifacts = new Map<string, Promise<ArtifactRecord | undefined>>()
  const grants = new Map<string, Record<string, unknown>>()
  const accounts = new Map<string, Selectable<AccountRow>>()
  const successors = new Map<string, string>()
  let spentModel: string | undefined
  return {
    writes: [],
    spend: undefined,
    sessionUid: undefined,
    artifact(idHash, find) {
      const known = artifacts.get(idHash) ?? find(idHash)
      artifacts.set(idHash, known)
      return known
    },
    remember({ idHash, model, consumedAt, grant, account, successorHash }) {
      if (consumedAt !== undefined) spentModel = model
      if (grant !== undefined) grants.set(grant.id, { ...grant.payload, jti: grant.id })
      if (account !== undefined) accounts.set(account.id, account)
      if (successorHash !== undefined) successors.set(idHash, successorHash)
    },
    grant: (id) => grants.get(id),
    account: (id) => accounts.get(id),
    successorHash: (idHash) => successors.get(idHash),
    spentModel: () => spentModel,
  }
}
