import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { covers } from '@/stores/session'
import { HOUR, useTimeWindow } from '@/stores/timeWindow'

describe('covers', () => {
  // The same table as tests/kernel holds for kernel/permissions.py.
  it.each([
    ['*', 'a.b.c', true],
    ['registry.*.read', 'registry.enterprise.read', true],
    ['registry.*.read', 'registry.enterprise.write', false],
    ['registry.*', 'registry.enterprise.write', true],
    ['alarms.rule.*', 'alarms.rule', false],
    ['telemetry.export', 'telemetry.export', true],
    ['telemetry.export', 'telemetry.export.all', false],
    ['command.*.read', 'command.overview.read', true],
  ])('%s covers %s: %s', (pattern, permission, expected) => {
    expect(covers(pattern, permission)).toBe(expected)
  })
})

describe('time window', () => {
  beforeEach(() => setActivePinia(createPinia()))

  it('is live until a past window is chosen, and says so in its query', () => {
    const window = useTimeWindow()
    expect(window.live).toBe(true)
    expect(window.query).toEqual({})
    window.goTo(1_000_000, 2_000_000)
    expect(window.live).toBe(false)
    expect(window.at).toBe(2_000_000)
    expect(window.query).toEqual({ from: '1970-01-01T00:16:40.000Z', to: '1970-01-01T00:33:20.000Z' })
    window.goLive()
    expect(window.query).toEqual({})
  })

  it('reads back what it wrote and falls back to live for nonsense', () => {
    const window = useTimeWindow()
    window.goTo(1_000_000, 2_000_000)
    const query = window.query
    window.goLive()
    window.read(query)
    expect([window.from, window.to]).toEqual([1_000_000, 2_000_000])
    window.read({ from: 'yesterday', to: 'x' })
    expect(window.live).toBe(true)
    window.read({ from: query.to, to: query.from })
    expect(window.live).toBe(true)
  })

  it('keeps its width when it moves through time', () => {
    const window = useTimeWindow()
    window.goAt(10 * HOUR)
    expect(window.to - window.from).toBe(6 * HOUR)
    window.goTo(0, HOUR)
    window.goAt(5 * HOUR)
    expect([window.from, window.to]).toEqual([4 * HOUR, 5 * HOUR])
    expect(() => window.goTo(5, 5)).toThrow(RangeError)
  })
})
