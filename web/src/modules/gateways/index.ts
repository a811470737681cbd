import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const gateways: WebModule = {
  name: 'gateways',
  routes: [
    {
      path: '/gateways',
      name: 'gateways',
      component: () => import('./GatewaysPage.vue'),
      meta: { permission: 'gateways.gateway.read', title: 'gateways.nav' },
    },
    {
      path: '/gateways/:name',
      name: 'gateway',
      component: () => import('./GatewayPage.vue'),
      meta: { permission: 'gateways.gateway.read', title: 'gateways.nav', nav: 'gateways' },
    },
    {
      path: '/devices',
      name: 'devices',
      component: () => import('./DevicesPage.vue'),
      meta: { permission: 'gateways.device.read', title: 'gateways.devices.title', nav: 'gateways' },
    },
    {
      path: '/devices/unknown',
      name: 'onboarding',
      component: () => import('./UnknownPage.vue'),
      meta: { permission: 'gateways.device.read', title: 'gateways.unknown.title', nav: 'gateways' },
    },
    {
      path: '/devices/unknown/:id(\\d+)',
      name: 'onboard',
      component: () => import('./OnboardPage.vue'),
      meta: { permission: 'gateways.device.read', title: 'gateways.onboard.title', nav: 'gateways' },
    },
    {
      path: '/devices/:id(\\d+)',
      name: 'device',
      component: () => import('./DevicePage.vue'),
      meta: { permission: 'gateways.device.read', title: 'gateways.device.title', nav: 'gateways' },
    },
  ],
  nav: [{ route: 'gateways', label: 'gateways.nav', permission: 'gateways.gateway.read', order: 60, group: 'main' }],
  locales: { 'zh-CN': zh, en },
}
export default gateways
