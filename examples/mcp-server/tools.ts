/** The tools of the example: what each needs to be allowed, takes and answers. Knows nothing of tokens or HTTP. */

/** What a tool may be allowed to do, in words for people: for `habitat-auth resource add`. */
export const scopes = {
  'notes:read': 'Look at your notes',
  'notes:write': 'Write notes',
} as const

export type Scope = keyof typeof scopes

export interface Tool {
  readonly name: string
  readonly description: string
  readonly scope: Scope
  readonly inputSchema: { readonly type: 'object'; readonly properties: object; readonly required?: string[] }
  /** Answers a text for the model; `undefined` when the arguments are not what the schema says. */
  run(person: string, given: Readonly<Record<string, unknown>>): string | undefined
}

/** Longest note, characters. */
const longestNote = 10_000

/** The tools over one memory of notes, by person. */
export function noteTools(): readonly Tool[] {
  const notes = new Map<string, readonly string[]>()
  const of = (person: string) => notes.get(person) ?? []
  return [
    {
      name: 'list_notes',
      description: 'Lists the notes of the person',
      scope: 'notes:read',
      inputSchema: { type: 'object', properties: {} },
      run: (person) => of(person).join('\n') || 'There are no notes.',
    },
    {
      name: 'add_note',
      description: 'Writes a note for the person',
      scope: 'notes:write',
      inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
      run(person, { text }) {
        if (typeof text !== 'string' || text.trim() === '' || text.length > longestNote) return undefined
        notes.set(person, [...of(person), text])
        return `There are ${of(person).length} notes.`
      },
    },
  ]
}
