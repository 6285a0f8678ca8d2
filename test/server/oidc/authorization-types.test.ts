/** What people read of authorization details, and what they could not read (RFC 9396 §13). */
import { expect, test } from 'vitest'
import { detailFault, detailLines } from '../../../server/oidc/authorization-types.ts'

const type = {
  title: 'Pay',
  properties: {
    payments: {
      type: 'array',
      title: 'Payment',
      items: {
        type: 'object',
        properties: { to: { type: 'string', title: 'to' }, sum: { type: 'number', title: 'sum' } },
      },
    },
    notes: { type: 'array', title: 'Notes', items: { type: 'string' } },
    urgent: { type: 'boolean', title: 'At once' },
    debtor: { type: 'object', title: 'From', properties: {} },
    creditor: { type: 'string' },
  },
} as const

test('what belongs to one member of a list is not taken for a part of the next', () => {
  const one = detailLines(type, { payments: [{ to: 'A' }, { sum: 5, to: 'B' }] })
  const other = detailLines(type, { payments: [{ to: 'A', sum: 5 }, { to: 'B' }] })
  expect(one).toEqual([
    { label: 'Payment 1: to', value: 'A' },
    { label: 'Payment 2: sum', value: '5' },
    { label: 'Payment 2: to', value: 'B' },
  ])
  expect(other).not.toEqual(one)
})

test('texts with a comma, and empty ones, stand in lines of their own', () => {
  expect(detailLines(type, { notes: ['a', 'b'] })).toEqual([{ label: 'Notes', value: 'a, b' }])
  expect(detailLines(type, { notes: ['a, b', ''] })).toEqual([
    { label: 'Notes 1', value: 'a, b' },
    { label: 'Notes 2', value: '' },
  ])
})

test('nothing that is asked for goes without a line', () => {
  expect(detailLines(type, { urgent: false, debtor: {}, payments: [] })).toEqual([
    { label: 'At once', value: false },
    { label: 'From', value: '' },
    { label: 'Payment', value: '' },
  ])
})

test.each(['\ud800', 'Merchant\u00ad', '\u{e0041}', '\u3164', 'a\u0000'])(
  '%j, which nobody sees, is refused',
  (creditor) => {
    expect(detailFault(type, { type: 'pay', creditor })).toBe('"creditor" holds a character that nobody sees')
  },
)
