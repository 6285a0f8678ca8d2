/**
 * What a command is, what it is given and what it answers.
 *
 * A command touches neither the process nor the terminal: it reads its context and returns an answer, so that the
 * same table runs in the CLI's own process and inside the server that owns the embedded database.
 */
import type { LinkState } from '../../adapters/atproto/contract.ts'
import type { PasswordSettings } from '../../adapters/identity/password-settings.ts'
import type { Accounts } from '../../adapters/postgres/accounts.ts'
import type { Audit } from '../../adapters/postgres/audit.ts'
import type { Clients } from '../../adapters/postgres/clients.ts'
import type { Store } from '../../adapters/postgres/database.ts'
import type { ExchangePolicies } from '../../adapters/postgres/exchange-policies.ts'
import type { Grants } from '../../adapters/postgres/grants.ts'
import type { Identities } from '../../adapters/postgres/identities.ts'
import type { LogoutNotices } from '../../adapters/postgres/logout-notices.ts'
import type { RegistrationTokens } from '../../adapters/postgres/registration-tokens.ts'
import type { Resources } from '../../adapters/postgres/resources.ts'
import type { Sessions } from '../../adapters/postgres/sessions.ts'
import type { Shops } from '../../adapters/postgres/shops.ts'
import type { TrustedIssuers } from '../../adapters/postgres/trusted-issuers.ts'
import type { BotState } from '../../adapters/telegram/contract.ts'
import type { Config } from '../config.ts'

/** Everything that commands may use, in whichever process they run. */
export interface Services {
  readonly accounts: Accounts
  readonly identities: Pick<Identities, 'remove'>
  readonly passwords: Pick<PasswordSettings, 'create' | 'remove' | 'removeTotp' | 'secondFactor'>
  readonly audit: Audit
  readonly clients: Clients
  readonly registrationTokens: RegistrationTokens
  readonly resources: Resources
  readonly grants: Grants
  readonly logoutNotices: Pick<LogoutNotices, 'failing'>
  readonly exchangePolicies: ExchangePolicies
  readonly trustedIssuers: TrustedIssuers
  readonly sessions: Sessions
  readonly shops: Shops
  readonly signingKeys: { list(): Promise<readonly SigningKeyInfo[]> }
  /** The keys of our client at PDSs. */
  readonly atprotoKeys: {
    list(): Promise<readonly { kid: string; createdAt: Date; retiredAt: Date | undefined }[]>
    /** Answers the id of the new key. */
    rotate(): Promise<string>
  }
  /** How the link to the PDS of a DID stands; undefined where there never was one. */
  readonly linkState: (did: string) => Promise<Pick<LinkState, 'since' | 'ended'> | undefined>
  /** Where people sign in beside here; `examine` answers what is wrong there, if anything is. */
  readonly otherIssuers: readonly { id: string; issuer: string; examine(): Promise<string | undefined> }[]
  /** The names of what the ways to sign in prove, as the settings have them. */
  readonly identityNames: readonly string[]
  /** The bot at Telegram, where one is set up. */
  readonly telegram:
    | {
        examine(): Promise<BotState>
        /** Where its updates are to be brought. */
        readonly webhookAddress: string
        readonly wantedUpdates: readonly string[]
      }
    | undefined
  readonly migrations: Pick<Store, 'migrate' | 'migrateDown' | 'migrations'>
  readonly examination: Examination
  readonly config: Config
  /** The library's rules for client metadata. */
  readonly validateMetadata: (metadata: Record<string, unknown>) => Promise<void>
  readonly now: () => Date
  /** Whether a running server executes the command for a CLI that is another process. */
  readonly insideServer: boolean
}

/** What the composition finds out for the doctor. */
export interface Examination {
  /** The time by the database's clock. Throws when it does not answer. */
  databaseTime(): Promise<Date>
  /** Which signing keys the secrets open. */
  keysThatOpen(): Promise<readonly { kid: string; opens: boolean }[]>
}

export interface SigningKeyInfo {
  readonly kid: string
  readonly alg: string
  readonly createdAt: Date
  readonly retiredAt: Date | undefined
}

/** Services, and the streams of one invocation. */
export interface Context extends Services {
  /** The whole standard input as UTF-8. */
  stdin(): Promise<string>
  stdout(text: string): void
  stderr(text: string): void
}

export interface Option {
  readonly type: 'string' | 'boolean'
  /** May be given several times. */
  readonly multiple?: boolean
  /** What stands for the value in the help. */
  readonly value?: string
  /** The value names a file; the command gets what is in it from the CLI's own process (`contents.ts`). JSON may be written in its place. */
  readonly content?: 'picture' | 'json'
  /** The value is an address; where that other option is not given, the CLI's own process tries to fetch it for it. */
  readonly fetchedInto?: string
  readonly summary: string
}

/** What was given on the command line, after it was checked against the command's table entry. */
export interface Input {
  /** The argument at this position, or undefined. */
  argument(position: number): string | undefined
  text(option: string): string | undefined
  list(option: string): readonly string[] | undefined
  flag(option: string): boolean
}

/** What a command has to say: for machines and for people. */
export interface Answer {
  /** One line of JSON with `--json`; keys in snake_case. */
  readonly json: object
  /** Lines for people. Names and the like stand in them as they are: the runner makes them printable. */
  readonly text: readonly string[]
  /** Said on standard error beside either form. */
  readonly notice?: string
  /** Exit code; 0 when absent. */
  readonly exitCode?: number
}

export interface Command {
  /** Noun and verb, such as `client add`. */
  readonly name: string
  /** What follows the name, as in `<id> --name <name>`. */
  readonly usage: string
  readonly summary: string
  /** Further paragraphs of the help. */
  readonly details?: readonly string[]
  readonly options?: Readonly<Record<string, Option>>
  /** The least and the most arguments taken; none when absent. */
  readonly arguments?: readonly [least: number, most: number]
  /** Full command lines, without the program's name. */
  readonly examples: readonly string[]
  /** Adds `--dry-run`: says what would happen and changes nothing. */
  readonly destructive?: boolean
  /** Why it is not run inside a server, for those that are not. */
  readonly refusedInsideServer?: string
  /** Works before the tables exist. */
  readonly needsNoTables?: boolean
  /** The option by which a password comes on standard input; on a terminal it is asked for when it is missing. */
  readonly passwordOption?: string
  /** Whether standard input belongs to the command. */
  readonly readsInput?: (input: Input) => boolean
  readonly run: (context: Context, input: Input) => Promise<Answer>
}

/** What a person did wrong with the words of a command; exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}
