// The Flex Consumption plan and the function app on it, Python 3.13.
param name string
param planName string
param location string
param tags object

@description('Resource id of the user-assigned identity: for deployment, storage, vault and telemetry alike.')
param identityId string
param identityClientId string

param blobEndpoint string
param tablesEndpoint string
param packageContainer string
param encryptionKeySecretUri string
param insightsConnectionString string

param httpConcurrency int
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyInstances int

// The gateway's own settings are GATEWAY_ENCRYPTION_KEY and TABLES_ENDPOINT; AZURE_CLIENT_ID says which identity
// DefaultAzureCredential is to take. The others are the host's. On Flex Consumption neither FUNCTIONS_WORKER_RUNTIME
// nor FUNCTIONS_EXTENSION_VERSION may be set, and Python 3.13 needs no PYTHON_ENABLE_INIT_INDEXING.
var appSettings = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  AZURE_CLIENT_ID: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__tableServiceUri: tablesEndpoint
  GATEWAY_ENCRYPTION_KEY: '@Microsoft.KeyVault(SecretUri=${encryptionKeySecretUri})'
  TABLES_ENDPOINT: tablesEndpoint
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'gateway' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      appSettings: [
        for setting in items(appSettings): {
          name: setting.key
          value: setting.value
        }
      ]
    }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: '3.13'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        // Explicit: the platform's own choice is made for work that keeps a processor busy, and this work waits.
        triggers: {
          http: { perInstanceConcurrency: httpConcurrency }
        }
        alwaysReady: alwaysReadyInstances == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyInstances
          }
        ]
      }
    }
  }
}

// Deployment is by Entra ID alone, too.
resource noBasicFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noBasicScm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
