import { describe, expect, it } from 'vitest'
import { fits, fitsGroup, NEWEST_FIRST, take, WORST_FIRST, type Narrow } from '@/modules/alarms/list/arriving'
import { placed } from '@/modules/alarms/list/usePaged'
import type { AlarmOut, GroupOut } from '@/modules/alarms/types'

const alarm = (id: number, more: object = {}): AlarmOut =>
  ({
    id, raised_at: id * 1000, condition: 'active', handling: 'new', open: true, priority: 2, step: 'H', suppressed: null, cause: null, post: null, unit_id: null,
    group_id: 7, point: { id: 40 + id, code: `P.${id}`, name: '温度', name_en: 'Temperature', unit: '', kind: '' }, thing: null, enterprise: null, ...more,
  }) as unknown as AlarmOut
const group = (id: number, more: object = {}): GroupOut =>
  ({ id, priority: 2, handling: 'new', last_at: id * 1000, open: true, merged_into_id: null, enterprise: null, ...more }) as unknown as GroupOut
const any: Narrow = {
  state: 'open', priority: '', step: '', q: '', enterprise_id: '', point_id: '', thing_id: '', unit_id: '', group: '', post: '', suppressed: '', cause: '', from: null, to: null,
}

describe('a record that arrives by itself', () => {
  const known = [alarm(9), alarm(7), alarm(5)]
  const ids = (got: ReturnType<typeof placed<AlarmOut>>): number[] | undefined => got?.items.map((a) => a.id)
  it('stands where the server would sort it', () => {
    const order = NEWEST_FIRST
    expect(ids(placed(known, false, alarm(10), true, order))).toEqual([10, 9, 7, 5])
    expect(ids(placed(known, false, alarm(6), true, order))).toEqual([9, 7, 6, 5])
    const groups = [group(1, { priority: 1, handling: 'acknowledged' }), group(4), group(3), group(9, { handling: 'acknowledged' })]
    expect(placed(groups, true, group(3, { priority: 1 }), true, WORST_FIRST)).toEqual({ items: [group(3, { priority: 1 }), groups[0], groups[1], groups[3]], more: 0 })
  })
  it('is not guessed at below what is known, and stands last where all is known', () => {
    expect(placed(known, false, alarm(1), true, NEWEST_FIRST)).toBeNull()
    expect(ids(placed(known, true, alarm(1), true, NEWEST_FIRST))).toEqual([9, 7, 5, 1])
    expect(ids(placed<AlarmOut>([], true, alarm(1), true, NEWEST_FIRST))).toEqual([1])
  })
  it('replaces itself, and leaves when it no longer belongs', () => {
    expect(placed(known, false, alarm(7, { handling: 'closed' }), true, NEWEST_FIRST)!.more).toBe(0)
    expect(placed(known, false, alarm(7), false, NEWEST_FIRST)).toEqual({ items: [known[0], known[2]], more: -1 })
    expect(placed(known, false, alarm(2), false, NEWEST_FIRST)).toBeNull() // it may stand below what is known
    expect(placed(known, true, alarm(2), false, NEWEST_FIRST)!.items).toEqual(known)
  })
})

describe('whether it belongs into the list as it is narrowed', () => {
  it.each([
    [{}, {}, true], [{ state: 'cleared' }, {}, false], [{ state: 'active' }, { condition: 'unknown' }, false], [{ state: 'unacknowledged' }, { handling: 'acknowledged' }, false],
    [{ priority: '1,2' }, {}, true], [{ priority: '1' }, {}, false], [{ step: 'HH' }, {}, false], [{ group: '7' }, {}, true], [{ group: '8' }, {}, false],
    [{ q: ' temp' }, {}, true], [{ q: '温' }, {}, true], [{ q: 'p.3' }, {}, true], [{ q: 'x' }, {}, false], [{ point_id: '43' }, {}, true], [{ point_id: '4' }, {}, false],
    [{ enterprise_id: '5' }, {}, false], [{ enterprise_id: '5' }, { enterprise: { id: 5 } }, true], [{ suppressed: 'shelved' }, {}, false], [{ state: 'nonsense' }, {}, false],
    [{ state: 'suppressed' }, { suppressed: 'shelved' }, true], [{ state: 'suppressed' }, { suppressed: 'shelved', condition: 'cleared' }, false],
    [{ from: 5000, to: 6000 }, {}, true], [{ state: 'all', from: 5000, to: 6000 }, { open: false }, false], [{ state: 'all', from: 3000, to: 6000 }, { open: false }, true],
  ])('narrowed to %j, an alarm with %j: %s', (narrow, more, wanted) => {
    expect(fits(alarm(3, more), { ...any, ...narrow } as Narrow)).toBe(wanted)
  })
  it('knows closed and merged groups', () => {
    expect(fitsGroup(group(1), any)).toBe(true)
    expect(fitsGroup(group(1, { open: false }), any)).toBe(false)
    expect(fitsGroup(group(1, { open: false }), { ...any, state: 'closed' })).toBe(true)
    expect(fitsGroup(group(1, { merged_into_id: 2 }), { ...any, state: 'all' })).toBe(false)
    expect(fitsGroup(group(1), { ...any, enterprise_id: '3' })).toBe(false)
  })
})

describe('what can only be learned by asking', () => {
  const put = (): { put: { alarm: (a: AlarmOut) => boolean; group: (g: GroupOut) => boolean }; got: string[] } => {
    const got: string[] = []
    return { got, put: { alarm: (a) => !!got.push(`a${a.id}`), group: (g) => !!got.push(`g${g.id}`) } }
  }
  it('is a burst without rows, and what people do', () => {
    const { put: lists, got } = put()
    expect(take({ what: 'handled' }, true, lists)).toBe(false)
    expect(take({ what: 'raised', total: 900 }, false, lists)).toBe(false)
    expect(take({ what: 'raised', total: 2, rows: [alarm(1)] }, false, lists)).toBe(false)
    expect(got).toEqual([])
  })
  it('is a group that was not told', () => {
    const { put: lists, got } = put()
    expect(take({ what: 'raised', total: 1, rows: [alarm(1)], groups: [] }, true, lists)).toBe(false)
    expect(take({ what: 'raised', total: 1, rows: [alarm(1)], groups: [group(7)] }, true, lists)).toBe(true)
    expect(take({ what: 'kept_silent', total: 1, rows: [alarm(1, { group_id: null })] }, true, lists)).toBe(true)
    expect(take({ what: 'raised', total: 1, rows: [alarm(1)], groups: [] }, false, lists)).toBe(true)
    expect(got).toEqual(['g7', 'a1'])
  })
})
