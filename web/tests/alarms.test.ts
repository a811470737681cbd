import { describe, expect, it } from 'vitest'
import schema from '../openapi.json'
import { ACTIONS, codes, fresh, numbers } from '@/modules/alarms/linkage/fields'
import { deedOf, walk } from '@/modules/alarms/list/keys'
import { lineOf, locate, reveal, slice } from '@/modules/alarms/list/windowing'
import { counts, instants, peaks } from '@/modules/alarms/performance/binning'
import { blank, differences, draftOf, sent } from '@/modules/alarms/rules/draft'
import { BASELINES, SIGNALS, stepsOf } from '@/modules/alarms/rules/signals'
import alarms from '@/modules/alarms'

const { 'zh-CN': zh, en } = alarms.locales
const schemas = (schema as unknown as { components: { schemas: Record<string, { properties?: Record<string, { const?: string; enum?: string[] }> }> } }).components.schemas
/** Schemas by the word their `kind` is tied to. */
const kinds = (suffix: RegExp): Map<string, string[]> =>
  new Map(
    Object.entries(schemas).flatMap(([name, s]) => {
      const kind = s.properties?.['kind']?.const
      return kind && suffix.test(name) ? [[kind, Object.keys(s.properties!).filter((k) => k !== 'kind')] as [string, string[]]] : []
    }),
  )

describe('a list that draws only what is looked at', () => {
  it('draws the view and some rows around it, never more however long the list is', () => {
    expect(slice(0, 560, 56, 10_000, 8)).toEqual({ first: 0, end: 18, top: 0, height: 560_000 })
    const middle = slice(280_000, 560, 56, 10_000, 8)
    expect([middle.first, middle.end, middle.top]).toEqual([4992, 5018, 4992 * 56])
    const last = slice(9_999_999, 560, 56, 10_000, 8)
    expect([last.first, last.end]).toEqual([9982, 10_000])
  })
  it('survives a list that became shorter than where it stands, and an empty one', () => {
    expect(slice(5000, 560, 56, 3)).toEqual({ first: 0, end: 3, top: 0, height: 168 })
    expect(slice(0, 560, 56, 0)).toEqual({ first: 0, end: 0, top: 0, height: 0 })
  })
  it('scrolls no farther than it takes to see a row', () => {
    expect(reveal(3, 0, 560, 56)).toBe(0)
    expect(reveal(10, 0, 560, 56)).toBe(56)
    expect(reveal(2, 560, 560, 56)).toBe(112)
  })
  it('finds what stands in a line when groups are open, and the line of a group', () => {
    const open = [{ at: 1, children: 3 }, { at: 2, children: 2 }]
    const lines = Array.from({ length: 9 }, (_, i) => locate(i, open))
    expect(lines.map((l) => `${l.parent}.${l.child}`)).toEqual(['0.-1', '1.-1', '1.0', '1.1', '1.2', '2.-1', '2.0', '2.1', '3.-1'])
    for (const parent of [0, 1, 2, 3]) expect(locate(lineOf(parent, open), open)).toEqual({ parent, child: -1 })
  })
})

describe('the keyboard', () => {
  it('walks within the list and by pages', () => {
    expect(walk('ArrowDown', 4, 10, 5)).toBe(5)
    expect(walk('ArrowDown', 9, 10, 5)).toBe(9)
    expect(walk('PageUp', 7, 10, 5)).toBe(2)
    expect(walk('End', 0, 10_000, 5)).toBe(9999)
    expect(walk('Home', 9999, 10_000, 5)).toBe(0)
  })
  it('enters from the top with j and from the bottom with k; an empty list has no rows', () => {
    expect(walk('j', -1, 10, 5)).toBe(0)
    expect(walk('k', -1, 10, 5)).toBe(9)
    expect(walk('j', -1, 0, 5)).toBeNull()
  })
  it('knows its deeds and leaves all other keys alone', () => {
    expect(['a', 's', 'c', 'Enter', ' ', '?'].map(deedOf)).toEqual(['acknowledge', 'shelve', 'close', 'open', 'pick', 'help'])
    expect([deedOf('q'), deedOf('toString'), walk('constructor', 0, 3, 1)]).toEqual([null, null, null])
  })
})

describe('forms drawn from tables', () => {
  it('knows each signal of the interface with all its fields', () => {
    const known = kinds(/Signal$/)
    expect(Object.keys(SIGNALS).sort()).toEqual([...known.keys()].sort())
    for (const [kind, fields] of known) expect(SIGNALS[kind]!.map((f) => f.key).sort(), kind).toEqual([...fields].sort())
  })
  it('knows each baseline with all its fields', () => {
    for (const [how, name] of [['given', 'GivenBaseline'], ['learned', 'LearnedBaseline']] as const)
      expect(BASELINES[how]!.map((f) => f.key).sort()).toEqual(Object.keys(schemas[name]!.properties!).filter((k) => k !== 'how').sort())
  })
  it('knows each action of a linkage with all its fields', () => {
    for (const [kind, name] of Object.entries({ open_case: 'OpenCase', notify: 'Notify', camera: 'CameraRequest', adjacent: 'AdjacentPoints', wind: 'WindNow', nearby: 'Nearby', card: 'ResponseCard', plan: 'PlanReference', webhook: 'Broadcast' }))
      expect(ACTIONS[kind]!.map((f) => f.key).sort(), kind).toEqual(Object.keys(schemas[name]!.properties!).filter((k) => k !== 'kind').sort())
  })
  it('has a text for every kind, field and choice, in both languages', () => {
    const keys = [
      ...Object.keys(SIGNALS).flatMap((k) => [`alarms.signal.${k}`, `alarms.signal.${k}.hint`]), ...Object.keys(ACTIONS).map((k) => `alarms.action.${k}`),
      ...[...Object.values(SIGNALS), ...Object.values(BASELINES), ...Object.values(ACTIONS)].flat().flatMap((f) => [
        `alarms.field.${f.key}`, ...('choices' in f ? (f.choices ?? []) : []).map((c) => `alarms.choice.${c}`),
      ]),
    ]
    expect(keys.filter((k) => !(k in zh) || !(k in en))).toEqual([])
  })
  it('starts a kind with values of its own, not shared ones', () => {
    const one = fresh('vote', SIGNALS) as unknown as { voters: string[] }
    one.voters[0] = 'changed'
    expect((fresh('vote', SIGNALS) as unknown as { voters: string[] }).voters[0]).toBe('')
  })
  it('offers limits to numbers, the condition to what is true or false, no low limit to a CUSUM', () => {
    expect(stepsOf(null)).toEqual({ limits: true, on: false, low: true })
    expect(stepsOf('vote')).toMatchObject({ limits: false, on: true })
    expect(stepsOf('expression')).toMatchObject({ limits: true, on: true })
    expect(stepsOf('cusum').low).toBe(false)
  })
  it('reads lists however they are separated', () => {
    expect(codes('A.1，B.2; C.3')).toEqual(['A.1', 'B.2', 'C.3'])
    expect(numbers('1, x, 2.5')).toEqual([1, 2.5])
  })
})

describe('a draft of a rule', () => {
  it('sends no empty suppression and no empty code', () => {
    expect(sent({ ...blank(), code: ' ', suppression: '  ' })).toMatchObject({ code: null, suppression: null })
  })
  it('names its point once', () => {
    const rule = { ...blank(), target: { kind: 'point', point_id: 7, point: null }, id: 1, version: 3 }
    expect(draftOf(rule as never).target).toEqual({ kind: 'point', point_id: 7 })
  })
  it('tells what differs by its path', () => {
    expect(differences({ a: { b: 1, c: [1] }, d: null }, { a: { b: 2, c: [1] }, e: 'new' })).toEqual([
      { path: 'a.b', before: 1, after: 2 },
      { path: 'e', before: null, after: 'new' },
    ])
  })
})

describe('announcements per stretch of time', () => {
  it('reads the instants of the exported table', () => {
    expect(instants('\uFEFFannounced_at,announced_s,alarm_id\r\n2026-11-27T10:00:00,100.5,1\r\n2026,200,2\r\n')).toEqual([100_500, 200_000])
    expect(instants('')).toEqual([])
  })
  it('counts each once, drops what lies outside', () => {
    expect(counts([0, 5, 10, 19, 20, -1], 0, 20, 10)).toEqual([2, 2])
  })
  it('keeps the peak when there are more stretches than room', () => {
    expect(peaks([1, 9, 2, 3, 4, 5], 3)).toEqual([9, 3, 5])
  })
})
