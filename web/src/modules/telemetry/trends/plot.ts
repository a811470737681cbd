import uPlot from 'uplot'
import { clockTime, dayMonth, hourMinute, number, unit } from '@/lib/format'
import { align, alone, runs, type Track } from './align'
import { axisRange, limitsOf } from './limits'
import type { Course } from '../types'
import type { Pen } from './useTrend'

export interface Picture {
  pens: Pen[]
  course: Course
  before: Course | null
  shift: number | null
  span: { from: number; to: number }
  limits: boolean
  timezone: string
}

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const PER_PEN = 4
const STRIP = 4

/** Pens that are drawn, with their tracks; a unit shares one axis. */
export function drawn(picture: Picture): { pen: Pen; now: Track; old: Track | null; scale: string }[] {
  return picture.pens.flatMap((pen) => {
    const series = picture.course.series.find((s) => s.point === pen.id)
    if (!series || pen.hidden) return []
    const past = picture.before?.series.find((s) => s.point === pen.id)
    return [{
      pen, now: { series, shift: 0 },
      old: past && picture.shift ? { series: past, shift: picture.shift } : null,
      scale: series.unit || '1',
    }]
  })
}

/** What must be equal for new data to go into the plot as it stands. */
export function shapeOf(picture: Picture, width: number): string {
  return JSON.stringify([drawn(picture).map((d) => [d.pen.id, d.scale, d.pen.ink, !!d.old, d.pen.rule?.version]), picture.limits, width < 600])
}

export function dataOf(picture: Picture): uPlot.AlignedData {
  const parts = drawn(picture)
  const aligned = align(parts.flatMap((d) => [d.now, d.old ?? { series: { ...d.now.series, start: [] }, shift: 0 }]), picture.course.width_ms)
  const columns = parts.flatMap((_, i) => [...aligned.tracks[2 * i]!, aligned.tracks[2 * i + 1]![0]])
  return [aligned.x, ...columns] as uPlot.AlignedData
}

/** A reading between two gaps has no line; it is drawn as a dot. */
const lonely = (u: uPlot, series: number): number[] => alone(u.data[series]!)

function seriesOf(picture: Picture): { series: uPlot.Series[]; bands: uPlot.Band[] } {
  const series: uPlot.Series[] = [{}]
  const bands: uPlot.Band[] = []
  drawn(picture).forEach(({ pen, scale, old }, i) => {
    const ink = css(pen.ink)
    const stepped = scale === 'state'
    const paths = stepped ? uPlot.paths.stepped!({ align: 1 }) : uPlot.paths.linear!()
    const edge: uPlot.Series = { scale, stroke: 'transparent', width: 0, points: { show: false }, paths }
    series.push(
      { scale, stroke: ink, width: 1.6, paths, points: { show: true, filter: lonely, size: 4, fill: ink, width: 0 } },
      edge, { ...edge },
      { scale, stroke: ink, width: 1.3, dash: [5, 4], paths, points: { show: true, filter: lonely, size: 3, fill: ink, width: 0 }, show: old !== null },
    )
    bands.push({ series: [i * PER_PEN + 2, i * PER_PEN + 3], fill: `${ink}2e` })
  })
  return { series, bands }
}

function axesOf(picture: Picture, width: number): uPlot.Axis[] {
  const ink = css('--t3')
  const font = `500 ${width < 600 ? 11 : 12}px ${css('--num')}`
  const hair = { stroke: css('--hair'), width: 1 }
  const scales = [...new Set(drawn(picture).map((d) => d.scale))]
  const x: uPlot.Axis = {
    stroke: ink, font, grid: hair, ticks: hair, space: 70,
    values: (_, splits, __, ___, step) =>
      splits.map((at) => {
        if (step < 60_000) return clockTime(at)
        const day = dayMonth(at)
        const time = hourMinute(at)
        return step >= 86_400_000 ? day : time === '00:00' ? `${time}\n${day}` : time
      }),
  }
  // A screen carries few axes; further units keep their scale and are read in the list.
  const room = width < 600 ? 2 : 4
  const y = scales.slice(0, room).map((scale, i): uPlot.Axis => {
    const only = drawn(picture).filter((d) => d.scale === scale)
    const tone = scales.length > 1 && only.length === 1 ? css(only[0]!.pen.ink) : ink
    return {
      scale, side: i % 2 ? 1 : 3, stroke: tone, font, labelFont: font, grid: { ...hair, show: i === 0 }, ticks: hair,
      label: unit(scale === '1' ? '' : scale) || undefined, labelSize: 16, size: 52,
      values: (_, splits, __, ___, step) => {
        const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)))
        return splits.map((v) => number(v, digits))
      },
    }
  })
  return [x, ...y]
}

function drawLimits(u: uPlot, picture: Picture): void {
  const { ctx, bbox } = u
  ctx.save()
  ctx.font = `500 ${11 * devicePixelRatio}px ${css('--num')}`
  ctx.textBaseline = 'bottom'
  ctx.textAlign = 'right'
  const labels: number[] = []
  const line = 12 * devicePixelRatio
  for (const { pen, scale } of drawn(picture)) {
    for (const { step, value } of limitsOf(pen.rule)) {
      const y = u.valToPos(value, scale, true)
      if (y < bbox.top || y > bbox.top + bbox.height) continue
      ctx.strokeStyle = css('--t3')
      ctx.setLineDash([8 * devicePixelRatio, 3 * devicePixelRatio, 2 * devicePixelRatio, 3 * devicePixelRatio])
      ctx.lineWidth = devicePixelRatio
      ctx.beginPath()
      ctx.moveTo(bbox.left, y)
      ctx.lineTo(bbox.left + bbox.width, y)
      ctx.stroke()
      ctx.fillStyle = css(pen.ink)
      // Limits of several pens may lie close together: a label that would cover another stands left of it.
      const beside = labels.filter((other) => Math.abs(other - y) < line).length
      labels.push(y)
      ctx.fillText(`${step} ${number(value)} ${unit(scale === '1' ? '' : scale)}`, bbox.left + bbox.width - (6 + 90 * beside) * devicePixelRatio, y - 2)
    }
  }
  ctx.restore()
}

/** A strip per pen at the foot: thin where data is reliable, hatched where doubtful, nothing where it is missing. */
function drawStrips(u: uPlot, picture: Picture): void {
  const { ctx, bbox } = u
  const parts = drawn(picture)
  const k = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  parts.forEach(({ pen, now }, i) => {
    const y = bbox.top + bbox.height - (parts.length - i) * (STRIP + 2) * k
    ctx.strokeStyle = ctx.fillStyle = css(pen.ink)
    for (const run of runs(now, picture.course.width_ms)) {
      const from = u.valToPos(run.from, 'x', true)
      const to = Math.max(from + 2 * k, u.valToPos(run.to, 'x', true))
      if (run.good) {
        ctx.globalAlpha = 0.45
        ctx.fillRect(from, y + (STRIP * k) / 2 - k / 2, to - from, k)
        continue
      }
      ctx.globalAlpha = 1
      ctx.lineWidth = 1.5 * k
      ctx.beginPath()
      for (let x = from; x < to; x += 4 * k) {
        ctx.moveTo(x, y + STRIP * k)
        ctx.lineTo(Math.min(to, x + STRIP * k), y)
      }
      ctx.stroke()
    }
  })
  ctx.restore()
}

/** Options for a new plot; `now` gives the picture that is shown when a frame is drawn. */
export function optionsOf(
  now: () => Picture, width: number, height: number,
  on: { select: (from: number, to: number) => void; cursor: (at: number | null) => void },
): uPlot.Options {
  const picture = now()
  const { series, bands } = seriesOf(picture)
  const scales: Record<string, uPlot.Scale> = { x: { time: true, range: () => [now().span.from, now().span.to] } }
  for (const scale of new Set(drawn(picture).map((d) => d.scale)))
    scales[scale] = {
      range: (_, low, high) => {
        const limits = now().limits ? drawn(now()).filter((d) => d.scale === scale).flatMap((d) => limitsOf(d.pen.rule).map((l) => l.value)) : []
        return axisRange(Number.isFinite(low) ? low : null, Number.isFinite(high) ? high : null, limits)
      },
    }
  return {
    width, height, ms: 1, series, bands, scales, axes: axesOf(picture, width), legend: { show: false },
    padding: [12, 12, 0, 0],
    tzDate: (at) => uPlot.tzDate(new Date(at), picture.timezone),
    cursor: { drag: { x: true, y: false, setScale: false }, y: false, points: { size: 6, width: 1.5 } },
    hooks: {
      draw: [
        (u) => {
          if (now().limits) drawLimits(u, now())
          drawStrips(u, now())
        },
      ],
      setSelect: [
        (u) => {
          const { left, width: wide } = u.select
          if (wide < 4) return
          const from = u.posToVal(left, 'x')
          const to = u.posToVal(left + wide, 'x')
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          on.select(from, to)
        },
      ],
      setCursor: [(u) => on.cursor(u.cursor.left !== undefined && u.cursor.left >= 0 ? u.posToVal(u.cursor.left, 'x') : null)],
    },
  }
}
