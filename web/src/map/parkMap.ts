import 'maplibre-gl/dist/maplibre-gl.css'
import type { FeatureCollection } from 'geojson'
import { Map as MapLibre, setWorkerUrl, type GeoJSONSource, type MapMouseEvent } from 'maplibre-gl'
// MapLibre 6 ships its worker as a file of its own; without this address the map never loads.
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import { api } from '@/api/client'
import { box, corners, labelPoint, viewSectors, type Box, type LonLat } from './geo'
import { buildStyle, GROUPS, LAYER_NAMES, type GroupName, type LayerName } from './style'

setWorkerUrl(workerUrl)

export interface Label {
  id: number
  name: string
  nameEn: string
  at: LonLat
}
export interface Frame {
  left: number
  right: number
  top: number
  bottom: number
}
/** A thing on the map with an active alarm. */
export interface Marked {
  thing: number
  level: number
}

/** Whether the browser draws WebGL in software: then buildings are drawn flat. */
export function softwareRenderer(): boolean {
  const gl = document.createElement('canvas').getContext('webgl2')
  if (!gl) return true
  const info = gl.getExtension('WEBGL_debug_renderer_info')
  const name = info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : ''
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  return /swiftshader|llvmpipe|software|basic render/i.test(name)
}

export function webglAvailable(): boolean {
  const gl = document.createElement('canvas').getContext('webgl2')
  gl?.getExtension('WEBGL_lose_context')?.loseContext()
  return gl !== null
}

/** The park on MapLibre: layers of the registry, alarm states, camera that fits the zone between panels. */
export class ParkMap {
  readonly map: MapLibre
  area: Box | null = null
  zones: Label[] = []
  cameras: Label[] = []
  private outline: LonLat[] = []
  private marked = new Map<number, number>()
  private equipmentReady = false

  constructor(
    container: HTMLElement,
    options: { centre: LonLat; flat: boolean; interactive: boolean },
  ) {
    this.map = new MapLibre({
      container,
      style: buildStyle(options.flat),
      center: options.centre,
      zoom: 12.5,
      pitch: 55,
      bearing: -29,
      maxPitch: 70,
      minZoom: 10,
      maxZoom: 18.5,
      attributionControl: false,
      fadeDuration: 0,
      interactive: options.interactive,
      cooperativeGestures: false,
      canvasContextAttributes: { antialias: !options.flat },
      localIdeographFontFamily: '"Noto Sans SC Variable","Noto Sans CJK SC",sans-serif',
    })
    this.map.touchZoomRotate.disableRotation()
    this.map.getCanvas().setAttribute('tabindex', '-1') // the list beside the map is the keyboard's way
    this.map.getCanvas().setAttribute('aria-hidden', 'true')
  }

  /** Fetch the layers and draw them; a layer that cannot be read is left out and named in the answer. */
  async load(): Promise<LayerName[]> {
    const missing: LayerName[] = []
    const ready = new Promise<void>((resolve) => {
      if (this.map.isStyleLoaded()) resolve()
      else this.map.once('load', () => resolve())
    })
    const take = async (name: LayerName): Promise<void> => {
      try {
        const data = await api.get<FeatureCollection>(`/map/layers/${name}`)
        this.keep(name, data)
        await ready
        this.source(name)?.setData(data)
      } catch {
        missing.push(name)
      }
    }
    // Outline first: it places the camera. Then what is large.
    await take('boundary')
    await Promise.all(LAYER_NAMES.filter((n) => n !== 'boundary').map(take))
    return missing
  }

  private keep(name: LayerName, data: FeatureCollection): void {
    if (name === 'boundary') {
      this.outline = corners(data)
      this.area = box(this.outline)
    } else if (name === 'zones') {
      this.zones = data.features
        .filter((f) => f.properties?.k === 'zone')
        .flatMap((f) => {
          const at = labelPoint(f)
          return at ? [{ id: Number(f.id), name: String(f.properties?.n), nameEn: String(f.properties?.en ?? ''), at }] : []
        })
    } else if (name === 'cameras') {
      this.cameras = data.features.flatMap((f) => {
        const at = labelPoint(f)
        return at ? [{ id: Number(f.id), name: String(f.properties?.n), nameEn: '', at }] : []
      })
      const sectors = data.features.flatMap((f) => {
        const at = labelPoint(f)
        return at && typeof f.properties?.az === 'number' ? viewSectors(at, f.properties.az, 24, 600) : []
      })
      const draw = (): void => void this.source('fov')?.setData({ type: 'FeatureCollection', features: sectors })
      if (this.map.isStyleLoaded()) draw()
      else this.map.once('load', draw)
    } else if (name === 'equipment') {
      this.equipmentReady = true
      const marks = [...this.marked].map(([thing, level]) => ({ thing, level }))
      this.marked.clear()
      this.map.once('idle', () => this.mark(marks))
    }
  }

  private source(name: string): GeoJSONSource | undefined {
    return this.map.getSource(name) as GeoJSONSource | undefined
  }

  /** Let the outline of the zone fill what the panels leave free (pixels from each edge). */
  fit(frame: Frame, animate = false): void {
    if (this.outline.length < 2 || !this.area) return
    const map = this.map
    const width = map.getContainer().clientWidth
    const height = map.getContainer().clientHeight
    const wantX = (frame.left + width - frame.right) / 2
    const wantY = (frame.top + height - frame.bottom) / 2
    const before = { center: map.getCenter(), zoom: map.getZoom() }
    map.jumpTo({ center: [(this.area[0] + this.area[2]) / 2, (this.area[1] + this.area[3]) / 2] })
    for (let round = 0; round < 6; round++) {
      const seen = box(this.outline.map((p) => { const q = map.project(p); return [q.x, q.y] }))!
      const scale = Math.min(
        (width - frame.left - frame.right) / (seen[2] - seen[0]),
        (height - frame.top - frame.bottom) / (seen[3] - seen[1]),
      )
      const middle = map.unproject([
        width / 2 + (seen[0] + seen[2]) / 2 - wantX,
        height / 2 + (seen[1] + seen[3]) / 2 - wantY,
      ])
      map.jumpTo({ center: middle, zoom: map.getZoom() + Math.log2(scale) * 0.9 })
    }
    if (animate) {
      const after = { center: map.getCenter(), zoom: map.getZoom() }
      map.jumpTo(before)
      map.easeTo({ ...after, duration: 600 })
    }
  }

  /** Colour the equipment with active alarms; everything else goes back to quiet. */
  mark(things: Marked[]): void {
    const next = new Map<number, number>()
    for (const { thing, level } of things) next.set(thing, Math.min(level, next.get(thing) ?? 9))
    if (this.equipmentReady) {
      for (const id of this.marked.keys())
        if (!next.has(id)) this.map.removeFeatureState({ source: 'equipment', id }, 'level')
      for (const [id, level] of next)
        if (this.marked.get(id) !== level) this.map.setFeatureState({ source: 'equipment', id }, { level })
    }
    this.marked = next
  }

  select(at: LonLat | null): void {
    this.source('selected')?.setData({
      type: 'FeatureCollection',
      features: at ? [{ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: at } }] : [],
    })
  }

  setFlat(flat: boolean): void {
    const show = (id: string, yes: boolean): void =>
      void this.map.setLayoutProperty(id, 'visibility', yes ? 'visible' : 'none')
    for (const id of ['buildings', 'solar', 'shadows']) show(id, !flat)
    for (const id of ['buildings-flat', 'solar-flat']) show(id, flat)
  }

  /** Show or hide a group of layers; of buildings only the form that fits (solid or flat). */
  show(group: GroupName, visible: boolean, flat: boolean): void {
    for (const id of GROUPS[group]) {
      const wrong = flat ? ['buildings', 'solar', 'shadows'].includes(id) : id.endsWith('-flat')
      this.map.setLayoutProperty(id, 'visibility', visible && !wrong ? 'visible' : 'none')
    }
  }

  project(at: LonLat): { x: number; y: number } {
    const p = this.map.project(at)
    return { x: p.x, y: p.y }
  }

  flyTo(at: LonLat, zoom = 15.5): void {
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches
    if (still) this.map.jumpTo({ center: at, zoom })
    else this.map.easeTo({ center: at, zoom: Math.max(zoom, this.map.getZoom()), duration: 900 })
  }

  onClick(handler: (at: LonLat, event: MapMouseEvent) => void): void {
    this.map.on('click', (event) => handler([event.lngLat.lng, event.lngLat.lat], event))
  }

  destroy(): void {
    this.map.remove()
  }
}
