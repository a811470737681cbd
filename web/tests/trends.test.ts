import { describe, expect, it } from 'vitest'
import { newest } from '@/modules/telemetry/points/liveState'
import { align, alone, bucketAt, gapAfter, runs, statistics } from '@/modules/telemetry/trends/align'
import { axisRange, limitsOf } from '@/modules/telemetry/trends/limits'
import { pan, pensOf, refreshMs, shiftOf, zoom } from '@/modules/telemetry/trends/span'
import type { Series } from '@/modules/telemetry/types'

const MIN = 60_000
function series(start: number[], more: Partial<Series> = {}): Series {
  const ones = start.map(() => 1)
  return {
    point: 1, code: 'P', name: '点', name_en: 'point', unit: 'kW', period_ms: MIN, simulated: false, coverage: 0.5,
    start, count: ones, usable: ones, min: start.map((s) => s / MIN - 1), max: start.map((s) => s / MIN + 1),
    mean: start.map((s) => s / MIN), last: start.map((s) => s / MIN), bucket_coverage: ones, quality: start.map(() => 0),
    ...more,
  }
}

describe('gaps', () => {
  it('begin after three missing periods, or one missing bucket of wide ones', () => {
    expect(gapAfter(1000, MIN)).toBe(181_000)
    expect(gapAfter(60 * MIN, MIN)).toBe(90 * MIN)
  })
  it('break the line between the readings on both sides, and only there', () => {
    const { x, tracks } = align([{ series: series([0, MIN, 20 * MIN, 21 * MIN]), shift: 0 }], MIN)
    const mean = tracks[0]![0]
    expect(mean.filter((v) => v === null)).toHaveLength(1)
    expect(mean.indexOf(null)).toBe(2)
    expect(x[2]).toBeGreaterThan(x[1]!)
    expect(x[2]).toBeLessThan(x[3]!)
  })
  it('of one pen leave the other whole: a strange moment is no gap', () => {
    const { tracks } = align([{ series: series([0, MIN]), shift: 0 }, { series: series([0, 30 * MIN]), shift: 0 }], MIN)
    expect(tracks[0]![0].some((v) => v === null)).toBe(false)
    expect(tracks[0]![0][tracks[0]![0].length - 1]).toBeUndefined()
    expect(tracks[1]![0].filter((v) => v === null)).toHaveLength(1)
  })
  it('stay where every reading of a bucket is unusable', () => {
    const { tracks } = align([{ series: series([0, MIN, 2 * MIN], { mean: [1, null, 3] }), shift: 0 }], MIN)
    expect(tracks[0]![0]).toEqual([1, null, 3])
  })
  it('draws the compared period where the present is', () => {
    const day = 1440 * MIN
    const { x } = align([{ series: series([day]), shift: 0 }, { series: series([0]), shift: day }], MIN)
    expect(x).toEqual([day + MIN / 2])
  })
})

it('shows a reading between two gaps as a dot', () => {
  expect(alone([1, null, 2, undefined, null, 3, undefined, 4, null, undefined, 5])).toEqual([0, 2, 10])
  expect(alone([])).toEqual([])
})

it('finds the bucket under the crosshair, and none in a gap', () => {
  const s = series([0, MIN, 60 * MIN])
  expect(bucketAt(s, 1.4 * MIN, MIN)).toBe(1)
  expect(bucketAt(s, 30 * MIN, MIN)).toBeNull()
  expect(bucketAt(s, 60.9 * MIN, MIN)).toBe(2)
  expect(bucketAt(series([]), 0, MIN)).toBeNull()
})

describe('statistics', () => {
  it('weigh the mean by usable readings and ignore unusable buckets', () => {
    const s = series([0, MIN, 2 * MIN], { mean: [10, 20, null], usable: [3, 1, 0], count: [3, 1, 5], min: [9, 20, null], max: [11, 20, null] })
    expect(statistics(s)).toEqual({ min: 9, max: 20, mean: 12.5, usable: 4, count: 9, coverage: 0.5 })
  })
  it('say unknown where nothing was usable', () => {
    expect(statistics(series([], { coverage: null }))).toEqual({ min: null, max: null, mean: null, usable: 0, count: 0, coverage: null })
  })
})

it('tells reliable stretches from doubtful ones and leaves gaps out', () => {
  const s = series([0, MIN, 2 * MIN, 60 * MIN], { quality: [0, 2, 0x80, 1] })
  expect(runs({ series: s, shift: 0 }, MIN)).toEqual([
    { from: 0, to: MIN, good: true },
    { from: MIN, to: 2 * MIN, good: false },
    { from: 2 * MIN, to: 3 * MIN, good: true },
    { from: 60 * MIN, to: 61 * MIN, good: true },
  ])
})

describe('limits', () => {
  const step = (limit: number) => ({ limit, deadband: 0, on_delay_s: 0, off_delay_s: 0, priority: 1 })
  it('are listed highest first', () => {
    const rule = { definition: { hh: step(9), h: null, l: step(1), ll: null, stale: null } }
    expect(limitsOf(rule as never)).toEqual([{ step: 'HH', value: 9 }, { step: 'L', value: 1 }])
    expect(limitsOf(null)).toEqual([])
  })
  it('widen the axis when near, and never press the curve flat when far', () => {
    const [, high] = axisRange(10, 20, [25])
    expect(high).toBeGreaterThan(25)
    expect(axisRange(10, 20, [500])).toEqual(axisRange(10, 20, []))
  })
  it('give a flat or missing curve a readable axis', () => {
    for (const [low, high] of [axisRange(5, 5, []), axisRange(0, 0, []), axisRange(null, null, [])]) expect(high).toBeGreaterThan(low)
  })
})

describe('the address', () => {
  it('names each pen once and no nonsense', () => {
    expect(pensOf('3,1,3,x,-2,0,1.5')).toEqual([3, 1])
    expect(pensOf(undefined)).toEqual([])
    expect(pensOf(Array.from({ length: 40 }, (_, i) => i + 1).join())).toHaveLength(12)
  })
  it('spells the compared period', () => {
    expect([shiftOf('day'), shiftOf('week'), shiftOf('36h'), shiftOf('0h'), shiftOf('soon'), shiftOf(undefined)]).toEqual([864e5, 6048e5, 1296e5, null, null, null])
  })
})

describe('moving the window', () => {
  it('keeps its width and never shows the future', () => {
    expect(pan(0, 100, 0.5, 1000)).toEqual({ from: 50, to: 150 })
    expect(pan(0, 100, 5, 120)).toEqual({ from: 20, to: 120 })
  })
  it('zooms around the cursor within bounds', () => {
    expect(zoom(0, 3_600_000, 0.5, 900_000, 1e15)).toEqual({ from: 450_000, to: 2_250_000 })
    const least = zoom(0, 12_000, 0.001, 6_000, 1e15)
    expect(least.to - least.from).toBe(10_000)
  })
  it('asks again neither each second nor rarer than a minute', () => {
    expect([refreshMs(1000), refreshMs(30_000), refreshMs(36e5)]).toEqual([5000, 30_000, 60_000])
  })
})

describe('state of a point', () => {
  const point = { period_s: 10, last: { value: 1, observed_at: 1000, quality: 0, state: 'online' } } as never
  it('takes the newer of list and live value', () => {
    expect(newest(point, { value: 7, observedAt: 2000, quality: 0 }, 3000)).toMatchObject({ value: 7, state: 'online' })
    expect(newest(point, { value: 7, observedAt: 500, quality: 0 }, 3000)).toMatchObject({ value: 1 })
  })
  it('goes stale after three periods, suspect by quality, unknown without any', () => {
    expect(newest(point, null, 31_001).state).toBe('stale')
    expect(newest(point, { value: 7, observedAt: 2000, quality: 2 }, 3000).state).toBe('suspect')
    expect(newest({ period_s: 10, last: { value: null, observed_at: null, quality: 0, state: 'unknown' } } as never, null, 0).state).toBe('unknown')
  })
})
