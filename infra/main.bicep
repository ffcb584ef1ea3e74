// Roundhouse on Azure Functions, Flex Consumption: one resource group with all that the gateway needs, and no key that
// could leak. The function app reaches storage, vault and telemetry by its managed identity alone.
targetScope = 'subscription'

@description('Name of the environment. The resource group is rg-<name>; every other name derives from it.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of every resource; it has to offer Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('What seals the provider keys at rest: base64 of 32 bytes. Taken only if the vault holds none yet.')
@secure()
@minLength(44)
param encryptionKey string

@description('Object id of who may read and write the gateway\'s tables, and so its management tokens. Empty: nobody.')
param operatorPrincipalId string = ''

@description('What that object is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string = 'User'

@description('HTTP requests that one instance serves at once; the platform adds instances beyond. Streams count while they last.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 100

@description('Memory of an instance in MB; processor time comes in proportion.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances at a time.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances that are kept warm for HTTP, and paid for when idle.')
@minValue(0)
@maxValue(1000)
param alwaysReadyInstances int = 0

var token = uniqueString(subscription().id, environmentName, location)
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    appPrincipalId: identity.outputs.principalId
    encryptionKey: encryptionKey
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    insightsName: 'appi-${token}'
    location: location
    tags: tags
    appPrincipalId: identity.outputs.principalId
  }
}

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    tablesEndpoint: storage.outputs.tablesEndpoint
    packageContainer: storage.outputs.packageContainer
    encryptionKeySecretUri: vault.outputs.encryptionKeySecretUri
    insightsConnectionString: monitoring.outputs.connectionString
    httpConcurrency: httpConcurrency
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_APP_NAME string = functionApp.outputs.name
output AZURE_STORAGE_ACCOUNT_NAME string = storage.outputs.name
output AZURE_KEY_VAULT_NAME string = vault.outputs.name
output TABLES_ENDPOINT string = storage.outputs.tablesEndpoint
output GATEWAY_URL string = functionApp.outputs.url
output GATEWAY_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
