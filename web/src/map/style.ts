import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl'

/** Layers of `/api/v1/map/layers/<name>` the style draws; properties are short: see registry/layers.py. */
export const LAYER_NAMES = [
  'boundary', 'zones', 'roads', 'rail', 'river', 'contours', 'parcels', 'buildings', 'shadows', 'bunds', 'solar',
  'enterprises', 'equipment', 'cameras',
] as const
export type LayerName = (typeof LAYER_NAMES)[number]

/** What a person may switch on the map page, and the style layers behind each word. */
export const GROUPS = {
  buildings: ['buildings', 'buildings-flat', 'shadows', 'solar', 'solar-flat', 'bunds'],
  terrain: ['contours', 'river', 'river-edge'],
  zones: ['zones', 'zones-edge'],
  parcels: ['parcels', 'parcels-hit'],
  roads: ['roads-case', 'roads', 'roads-mark', 'rail', 'rail-ties'],
  enterprises: ['enterprises'],
  equipment: ['equipment', 'equipment-tanks'],
  cameras: ['fov'],
} as const
export type GroupName = keyof typeof GROUPS

const byZoom = (low: ExpressionSpecification | number, high: ExpressionSpecification | number): ExpressionSpecification =>
  ['interpolate', ['exponential', 2], ['zoom'], 11, low, 17, high] as unknown as ExpressionSpecification
const byClass = (one: number, two: number, rest: number): ExpressionSpecification => [
  'match', ['get', 'c'], 1, one, 2, two, rest,
]
/** A zone of ten kilometres is flat at the scale of a wall: far away, heights are exaggerated, near they are true. */
const height: ExpressionSpecification = [
  'interpolate', ['linear'], ['zoom'],
  12, ['*', ['coalesce', ['get', 'h'], 0], 2.3],
  14, ['*', ['coalesce', ['get', 'h'], 0], 1.6],
  16, ['coalesce', ['get', 'h'], 0],
]
const stateLevel: ExpressionSpecification = ['coalesce', ['feature-state', 'level'], 0]
const tone: ExpressionSpecification = [
  'match', ['coalesce', ['get', 'k'], ''],
  'vil', '#1a2127', 'pipe', '#465563', 'tank', '#8b9aa7', 'col', '#93a3b1', 'stack', '#b3c1cc', 'adm', '#7d8f9e',
  ['interpolate', ['linear'], ['coalesce', ['get', 't'], 0.5], 0, '#434f5a', 1, '#657480'],
] as unknown as ExpressionSpecification
const flatTone: ExpressionSpecification = [
  'match', ['coalesce', ['get', 'k'], ''],
  'vil', '#141a1f', 'pipe', '#2b3640', 'tank', '#5d6b78', 'col', '#5d6b78', 'stack', '#75838f', 'adm', '#4c5965',
  ['interpolate', ['linear'], ['coalesce', ['get', 't'], 0.5], 0, '#252e36', 1, '#36424d'],
] as unknown as ExpressionSpecification

function layers(flat: boolean): LayerSpecification[] {
  const solid = { visibility: flat ? 'none' : 'visible' } as const
  const plain = { visibility: flat ? 'visible' : 'none' } as const
  const list = [
    { id: 'ground', type: 'background', paint: { 'background-color': '#080b0f' } },
    {
      id: 'contours', type: 'line', source: 'contours',
      paint: {
        'line-color': '#9db4c9',
        'line-opacity': ['case', ['==', ['get', 'm'], 1], 0.26, 0.13],
        'line-width': ['case', ['==', ['get', 'm'], 1], 1, 0.7],
      },
    },
    { id: 'river', type: 'fill', source: 'river', paint: { 'fill-color': '#0d1b27' } },
    { id: 'river-edge', type: 'line', source: 'river', paint: { 'line-color': '#4d6b80', 'line-opacity': 0.35, 'line-width': 1 } },
    { id: 'park', type: 'fill', source: 'boundary', paint: { 'fill-color': '#0e151b' } },
    {
      id: 'zones', type: 'fill', source: 'zones', filter: ['==', ['get', 'k'], 'zone'],
      paint: { 'fill-color': '#161f28', 'fill-opacity': 0.95 },
    },
    {
      id: 'zones-edge', type: 'line', source: 'zones', filter: ['==', ['get', 'k'], 'zone'],
      paint: { 'line-color': '#9db4c9', 'line-opacity': 0.12, 'line-width': 1 },
    },
    { id: 'parcels-hit', type: 'fill', source: 'parcels', paint: { 'fill-color': '#cfe6f2', 'fill-opacity': ['case', ['boolean', ['feature-state', 'hover'], false], 0.08, 0] } },
    { id: 'parcels', type: 'line', source: 'parcels', paint: { 'line-color': '#9db4c9', 'line-opacity': 0.1, 'line-width': 0.8 } },
    { id: 'rail', type: 'line', source: 'rail', paint: { 'line-color': '#6c7f90', 'line-opacity': 0.5, 'line-width': 1.4 } },
    { id: 'rail-ties', type: 'line', source: 'rail', paint: { 'line-color': '#6c7f90', 'line-opacity': 0.4, 'line-width': 5, 'line-dasharray': [0.25, 1.6] } },
    {
      id: 'roads-case', type: 'line', source: 'roads', layout: { 'line-cap': 'round' },
      paint: { 'line-color': '#05070a', 'line-width': byZoom(byClass(1.9, 1.2, 0.5), byClass(52, 32, 14)) },
    },
    {
      id: 'roads', type: 'line', source: 'roads', layout: { 'line-cap': 'round' },
      paint: {
        'line-color': ['match', ['get', 'c'], 1, '#2c3945', 2, '#242f39', '#1d262e'],
        'line-width': byZoom(byClass(1.4, 0.8, 0.3), byClass(40, 24, 9)),
      },
    },
    {
      id: 'roads-mark', type: 'line', source: 'roads', filter: ['==', ['get', 'c'], 1],
      paint: { 'line-color': '#7f96aa', 'line-opacity': 0.35, 'line-width': 1, 'line-dasharray': [6, 5] },
    },
    { id: 'bunds', type: 'line', source: 'bunds', paint: { 'line-color': '#5d7285', 'line-opacity': 0.5, 'line-width': 1 } },
    { id: 'shadows', type: 'fill', source: 'shadows', layout: solid, paint: { 'fill-color': '#020304', 'fill-opacity': 0.62, 'fill-antialias': false } },
    { id: 'boundary-glow', type: 'line', source: 'boundary', paint: { 'line-color': '#bfe0f0', 'line-width': 14, 'line-blur': 14, 'line-opacity': 0.16 } },
    { id: 'boundary', type: 'line', source: 'boundary', paint: { 'line-color': '#cfe6f2', 'line-width': 1.2, 'line-opacity': 0.6 } },
    { id: 'fov', type: 'fill', source: 'fov', paint: { 'fill-color': '#9fc3d8', 'fill-opacity': 0.012, 'fill-antialias': false } },
    { id: 'solar-flat', type: 'fill', source: 'solar', layout: plain, paint: { 'fill-color': '#1b2c3d' } },
    { id: 'buildings-flat', type: 'fill', source: 'buildings', layout: plain, paint: { 'fill-color': flatTone } },
    {
      id: 'solar', type: 'fill-extrusion', source: 'solar', layout: solid,
      paint: { 'fill-extrusion-color': '#22364a', 'fill-extrusion-height': height },
    },
    {
      id: 'buildings', type: 'fill-extrusion', source: 'buildings', layout: solid,
      paint: {
        'fill-extrusion-color': tone,
        'fill-extrusion-height': height,
        'fill-extrusion-base': ['coalesce', ['get', 'b'], 0],
        'fill-extrusion-vertical-gradient': true,
      },
    },
    {
      id: 'equipment', type: 'circle', source: 'equipment', filter: ['!', ['in', ['get', 'k'], ['literal', ['tank', 'stack', 'camera']]]],
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 12, ['case', ['>', stateLevel, 0], 3, 1], 16, ['case', ['>', stateLevel, 0], 6, 3.2]],
        'circle-color': ['match', stateLevel, 1, '#ff4a4d', 2, '#ff8b3d', 3, '#f0c64a', 4, '#6ea8ff', '#cfe2f0'],
        'circle-opacity': ['case', ['>', stateLevel, 0], 1, ['boolean', ['feature-state', 'stale'], false], 0.18, 0.55],
      },
    },
    {
      id: 'equipment-tanks', type: 'circle', source: 'equipment', minzoom: 14.5, filter: ['in', ['get', 'k'], ['literal', ['tank', 'stack']]],
      paint: {
        'circle-radius': 3,
        'circle-color': ['match', stateLevel, 1, '#ff4a4d', 2, '#ff8b3d', 3, '#f0c64a', 4, '#6ea8ff', '#cfe2f0'],
        'circle-opacity': ['case', ['>', stateLevel, 0], 1, 0.4],
      },
    },
    {
      id: 'enterprises', type: 'circle', source: 'enterprises', layout: { visibility: 'none' },
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 12, 2.5, 16, 6],
        'circle-color': 'rgba(6,8,11,0.6)', 'circle-stroke-color': '#cfe6f2', 'circle-stroke-width': 1.2,
      },
    },
    {
      id: 'selected', type: 'circle', source: 'selected',
      paint: { 'circle-radius': 13, 'circle-color': 'rgba(207,230,242,0.08)', 'circle-stroke-color': '#eef3f8', 'circle-stroke-width': 1.5 },
    },
  ]
  return list as LayerSpecification[]
}

const EMPTY = { type: 'FeatureCollection' as const, features: [] }

export function buildStyle(flat: boolean): StyleSpecification {
  const names = [...LAYER_NAMES, 'fov', 'selected']
  return {
    version: 8,
    light: { anchor: 'viewport', color: '#dfeaf6', intensity: 0.46, position: [1.5, 205, 38] },
    sources: Object.fromEntries(names.map((n) => [n, { type: 'geojson', data: EMPTY, tolerance: n === 'contours' ? 0.6 : 0.2 }])),
    layers: layers(flat),
  }
}
