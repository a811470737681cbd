import { describe, expect, it } from 'vitest'
import { spanAround } from '@/modules/alarms/around'
import { changesOf } from '@/modules/registry/changes'
import { areaOf, KINDS, FILE_KINDS } from '@/modules/registry/kinds'
import { sumPower } from '@/modules/registry/useKeyFigures'
import { i18n } from '@/i18n'

describe('changes of a record', () => {
  it('names what differs, with both values', () => {
    expect(changesOf({ a: 1, b: 'x', c: null }, { a: 2, b: 'x', c: 'new' })).toEqual([
      { key: 'a', before: '1', after: '2' },
      { key: 'c', before: null, after: 'new' },
    ])
  })
  it('takes a new or a gone record, and shortens what nobody reads in a line', () => {
    expect(changesOf(null, { code: 'E1', note: '' })).toEqual([{ key: 'code', before: null, after: 'E1' }])
    expect(changesOf({ code: 'E1' }, null)).toEqual([{ key: 'code', before: 'E1', after: null }])
    expect(changesOf({}, { geometry: { coordinates: 'x'.repeat(500) } })[0]!.after!.length).toBeLessThan(130)
  })
})

describe('active power', () => {
  const meter = (id: number, value: number | null, at: number | null) =>
    ({ id, period_s: 10, last: { value, observed_at: at, quality: 0, state: 'online' } }) as never
  it('adds only what is online and says how many that are', () => {
    const sum = sumPower([meter(1, 100, 99_000), meter(2, 50, 1_000), meter(3, null, null)], () => null, 100_000)
    expect(sum).toMatchObject({ value: 100, n: 1, of: 3, observedAt: 99_000 })
  })
  it('is unknown, not zero, when no meter answers', () => {
    expect(sumPower([meter(1, 100, 0)], () => null, 1e9).value).toBeNull()
  })
  it('is as old as its oldest part', () => {
    expect(sumPower([meter(1, 1, 99_000), meter(2, 2, 95_000)], () => null, 100_000).observedAt).toBe(95_000)
  })
})

it('shows an alarm with half an hour around it and never the future', () => {
  const H = 1_800_000
  expect(spanAround({ raised_at: 10 * H, cleared_at: 11 * H }, 100 * H)).toEqual({ from: 9 * H, to: 12 * H })
  expect(spanAround({ raised_at: 10 * H, cleared_at: null }, 10.2 * H)).toEqual({ from: 9 * H, to: 10.2 * H })
})

it('knows an area only where a number is stated', () => {
  expect([areaOf({ properties: { area_m2: 12 } }), areaOf({ properties: {} }), areaOf({ properties: { area_m2: 'big' } })]).toEqual([12, null, null])
})

it('has a name for every kind and every word of its list', () => {
  for (const kind of FILE_KINDS) expect(i18n.global.te(`registry.kind.${kind.name}`), kind.name).toBe(true)
  for (const kind of KINDS) for (const one of kind.kinds ?? []) expect(i18n.global.te(`registry.${kind.words}.${one}`), one).toBe(true)
})
