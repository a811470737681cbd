import { describe, expect, it } from 'vitest'
import { conflicts, draftRows, plainCode, pointCode, type DraftRow } from '@/modules/gateways/draft'
import { bytesOf, hexLines, hexText } from '@/modules/gateways/hex'
import { missing, ratePerSecond } from '@/modules/gateways/rates'
import { deviceState, QUIET_MS } from '@/modules/gateways/state'
import type { ActivityOut, Vocabulary } from '@/modules/gateways/types'

describe('raw bytes', () => {
  it('shows offset, bytes and printable ASCII, sixteen to a line', () => {
    const lines = hexLines('23233031' + '00ff7f41'.repeat(4))
    expect(lines).toHaveLength(2)
    expect(lines[0]).toEqual({ offset: '0000', hex: '23 23 30 31 00 ff 7f 41  00 ff 7f 41 00 ff 7f 41', ascii: '##01···A···A···A' })
    expect(lines[1]).toEqual({ offset: '0010', hex: '00 ff 7f 41', ascii: '···A' })
  })
  it('refuses what is no whole number of bytes', () => {
    expect(() => bytesOf('abc')).toThrow(RangeError)
    expect(() => bytesOf('zz')).toThrow(RangeError)
    expect(hexText('')).toBe('')
  })
})

describe('rates and books', () => {
  it('knows no rate before the second look, nor across a restart', () => {
    expect(ratePerSecond(null, { ms: 0, counts: { n: 1 } }, 'n')).toBeNull()
    expect(ratePerSecond({ ms: 0, counts: { n: 900 } }, { ms: 5000, counts: { n: 3 } }, 'n')).toBeNull()
    expect(ratePerSecond({ ms: 0, counts: { n: 100 } }, { ms: 4000, counts: { n: 300 } }, 'n')).toBe(50)
    expect(ratePerSecond({ ms: 9, counts: { n: 1 } }, { ms: 9, counts: { n: 2 } }, 'n')).toBeNull()
  })
  it('finds what is missing from the books', () => {
    expect(missing({ received: 10, stored: 6, rejected: { late: 1, bad_time: 2 }, in_flight: 1 })).toBe(0)
    expect(missing({ received: 10, stored: 6, rejected: {}, in_flight: 0 })).toBe(4)
  })
})

describe('how a device stands', () => {
  const now = 1_700_000_000_000
  const activity = (over: Partial<ActivityOut>): ActivityOut => ({
    connected: true, connected_at: now - 1000, disconnected_at: null, last_frame_at: now - 1000, last_reading_at: null,
    refused_at: null, refusal: null, died_at: null, clock_skew_ms: null, frames: 1, readings: 0, stored: 0, errors: {},
    deviations: {}, rejected: {}, ...over,
  })
  it.each([
    [false, activity({}), 'disabled'],
    [true, null, 'never'],
    [true, activity({ last_frame_at: null }), 'never'],
    [true, activity({}), 'talking'],
    [true, activity({ last_frame_at: now - QUIET_MS - 1 }), 'silent'],
    [true, activity({ connected: false }), 'disconnected'],
    [true, activity({ died_at: now - 500 }), 'dead'],
    [true, activity({ died_at: now - 5000 }), 'talking'],
    [true, activity({ connected: null }), 'talking'],
  ] as const)('enabled %s, activity %o: %s', (enabled, a, state) => {
    expect(deviceState({ enabled, activity: a }, now)).toBe(state)
  })
})

describe('onboarding', () => {
  const vocabulary = {
    kinds: [],
    quantities: [{ key: 'concentration', label: '', unit: 'mg/m3', units: ['mg/m3', 'ug/m3'], discrete: false }],
  } as unknown as Vocabulary
  const row = (over: Partial<DraftRow>): DraftRow => ({
    address: 'a21026-Rtd', sample: '1', use: true, code: 'D.a21026', name: 'SO2', name_en: '', quantity: 'concentration',
    unit: 'mg/m3', source_unit: 'mg/m3', kind: '', period_s: 60, point_id: null, ...over,
  })
  it('proposes codes of the letters codes may hold', () => {
    expect(plainCode('park|E002/GW 01#')).toBe('park.E002.GW.01')
    expect(plainCode('数采仪')).toBe('')
    expect(pointCode('E1', 'a21026-Rtd')).toBe('E1.a21026')
  })
  it('leaves fields that only a person can judge out until somebody does', () => {
    const rows = draftRows(
      [
        { address: 'a21026-Rtd', name: '二氧化硫', name_en: '', quantity: 'concentration', unit: 'mg/m3', kind: '', sample: '3' },
        { address: 'x9', name: 'x9', name_en: '', quantity: null, unit: null, kind: '', sample: '1' },
      ],
      'D',
    )
    expect(rows.map((r) => r.use)).toEqual([true, false])
    expect(conflicts(rows, new Map(), vocabulary).size).toBe(0)
    rows[1]!.use = true
    expect(conflicts(rows, new Map(), vocabulary).get(1)).toEqual(['quantity_missing'])
  })
  it('explains each conflict, and none of a row that is not used', () => {
    const rows = [
      row({}), row({ address: 'b' }), row({ address: 'c', code: 'taken' }), row({ address: 'd', code: 'D.d', unit: 'kW' }),
      row({ address: 'e', code: 'D.e', unit: '' }), row({ address: 'f', code: '', use: false }), row({ address: 'g', code: ' ', name: '' }),
    ]
    const found = conflicts(rows, new Map([['taken', 7]]), vocabulary)
    expect([...found]).toEqual([
      [0, ['code_twice']], [1, ['code_twice']], [2, ['code_exists']], [3, ['unit_wrong']], [4, ['unit_missing']],
      [6, ['code_missing', 'name_missing']],
    ])
  })
  it('lets a row use the existing point instead', () => {
    const found = conflicts([row({ code: 'taken', point_id: 7 })], new Map([['taken', 7]]), vocabulary)
    expect(found.size).toBe(0)
  })
})
