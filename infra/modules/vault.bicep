// The key vault: it holds the one secret of a deployment, the key that seals the provider keys at rest.
param name string
param location string
param tags object

@description('Principal id of the function app\'s identity.')
param appPrincipalId string

@secure()
param encryptionKey string

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

// Soft delete keeps a deleted vault for 90 days. Purge protection is off, so that `azd down --purge` followed by
// `azd up` may use the name again; turn it on where nobody may ever lose the key.
resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    publicNetworkAccess: 'Enabled'
  }
}

// Another value would make every stored provider key unreadable: what is there stays, whatever the parameter says.
// Needs Bicep 0.38.3 or later.
@onlyIfNotExists()
resource encryptionKeySecret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'gateway-encryption-key'
  properties: {
    value: encryptionKey
    contentType: 'base64 of 32 bytes; several by commas: the first seals, all open'
  }
}

resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appPrincipalId, secretsUser)
  scope: vault
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
  }
}

output name string = vault.name
// Without a version: a new one is taken up by the app within a day, or at its next restart.
output encryptionKeySecretUri string = '${vault.properties.vaultUri}secrets/${encryptionKeySecret.name}'
