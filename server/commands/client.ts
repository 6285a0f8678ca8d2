/** Commands that register apps and change or end their registration: how they are called. */
import { describe, description, overview } from './client-answer.ts'
import { remove, rotateSecret, setDisabled } from './client-life.ts'
import { metadataOptions } from './client-metadata-options.ts'
import { add, choices, update } from './client-registration.ts'
import type { Command } from './command.ts'
import { existing } from './existing-client.ts'
import { signOutsOf } from './sign-out-findings.ts'

export const clientCommands: readonly Command[] = [
  {
    name: 'client add',
    usage: `--profile <${choices.map(({ name }) => name).join('|')}> --name <name> [--redirect-uri <uri>]... [--service-id <id>]`,
    summary: 'register an app and print its id and, once only, its secret',
    details: [
      `Profiles:\n${choices.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`).join('\n')}`,
      'For development, profiles web and spa take http redirect URIs on localhost, in a client of their own.',
      'Profile ifttt takes the id of the service on IFTTT, from which its one redirect URI follows, and prints what to enter there. Its name is IFTTT unless given.',
    ],
    options: {
      profile: { type: 'string', value: 'profile', summary: 'which kind of app it is' },
      ...metadataOptions,
      'first-party': { type: 'boolean', summary: 'the app is ours: people are not asked for consent' },
      'client-id': { type: 'string', value: 'id', summary: 'id of the app (default: a random one)' },
    },
    examples: [
      'client add --profile web --name "Example" --redirect-uri https://app.example/cb --json',
      'client add --profile spa --name "Example (local)" --redirect-uri http://localhost:4000/cb',
      'client add --profile native --name "Example" --redirect-uri com.example.app:/cb --redirect-uri http://127.0.0.1/cb',
      'client add --profile web --name "Poster" --redirect-uri https://app.example/cb --scope "openid repo:app.bsky.feed.post"',
      'client add --profile service --name "Nightly report" --scope reports:write',
      'client add --profile ifttt --service-id example_service',
      'client add --profile device --approve-in-chat --name "Chat bot" --scope "openid profile"',
    ],
    run: add,
  },
  {
    name: 'client list',
    usage: '',
    summary: 'list the registered apps',
    examples: ['client list', 'client list --json'],
    run: async ({ clients }) => overview(await clients.list()),
  },
  {
    name: 'client show',
    usage: '<id>',
    summary: 'show all about one app but its secret',
    arguments: [1, 1],
    examples: ['client show 3f9c2a61d07be4185c02'],
    async run(context, input) {
      const client = await existing(context, input)
      const signOuts = await signOutsOf(context, client.id)
      return { json: { ...describe(client), ...signOuts.json }, text: [...description(client), ...signOuts.text] }
    },
  },
  {
    name: 'client update',
    usage: '<id> [--name <name>] [--redirect-uri <uri>]...',
    summary: 'change the registration of an app; what is not named stays',
    details: [
      'A repeatable option replaces the whole list. An empty text takes an address or the stored picture away. The profile cannot be changed.',
    ],
    arguments: [1, 1],
    options: {
      ...metadataOptions,
      'first-party': { type: 'boolean', summary: 'the app is ours: people are not asked for consent' },
      'third-party': { type: 'boolean', summary: 'the app is not ours: people are asked for consent' },
      'no-telegram-qr': { type: 'boolean', summary: 'the app may not show QR codes of its own any more' },
    },
    examples: [
      'client update 3f9c2a61d07be4185c02 --redirect-uri https://app.example/cb --redirect-uri https://app.example/cb2',
      'client update 3f9c2a61d07be4185c02 --logo-file logo.png',
      'client update 3f9c2a61d07be4185c02 --logo-uri "" --logo-file ""',
    ],
    run: update,
  },
  {
    name: 'client rotate-secret',
    usage: '<id> [--revoke-old]',
    summary: 'make a new secret and print it, once only',
    details: [
      'The secret before it stays valid until the next rotation, so that the app can be changed without a gap.',
    ],
    arguments: [1, 1],
    options: { 'revoke-old': { type: 'boolean', summary: 'end every older secret at once (it leaked)' } },
    destructive: true,
    examples: ['client rotate-secret 3f9c2a61d07be4185c02', 'client rotate-secret 3f9c2a61d07be4185c02 --revoke-old'],
    run: rotateSecret,
  },
  {
    name: 'client disable',
    usage: '<id>',
    summary: 'stop an app: it gets no more tokens, nobody signs in to it',
    arguments: [1, 1],
    destructive: true,
    examples: ['client disable 3f9c2a61d07be4185c02'],
    run: (context, input) => setDisabled(context, input, true),
  },
  {
    name: 'client enable',
    usage: '<id>',
    summary: 'let a disabled app work again',
    arguments: [1, 1],
    examples: ['client enable 3f9c2a61d07be4185c02'],
    run: (context, input) => setDisabled(context, input, false),
  },
  {
    name: 'client remove',
    usage: '<id>',
    summary: 'remove an app with all its grants, consents and tokens',
    arguments: [1, 1],
    destructive: true,
    examples: ['client remove 3f9c2a61d07be4185c02 --dry-run', 'client remove 3f9c2a61d07be4185c02'],
    run: remove,
  },
]
